/**
 * Compare two strings by their bytes of UTF-8, which is the order of code points: the order in which
 * drivers list. JavaScript's own order differs where a character beyond U+FFFF meets one above U+DFFF.
 *
 * @returns Negative, zero or positive, as `sort` wants it.
 */
export function compareUtf8(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let index = 0; index < shorter; index += 1) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Moves surrogates (which stand for code points beyond U+FFFF) behind all other code units. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/**
 * The first string in that order behind all that begin with `prefix`, or `null` if nothing is behind them.
 *
 * @param prefix Without lone surrogates.
 */
export function firstBehind(prefix: string): string | null {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  while (points.at(-1) === LAST_CODE_POINT) points.pop();
  const last = points.pop();
  if (last === undefined) return null;
  // Surrogates are no code points of their own.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
}

const LAST_CODE_POINT = 0x10ffff;
