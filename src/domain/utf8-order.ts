/**
 * Compare two strings by their UTF-8 bytes, which is the order of code points. Drivers list in this order. JavaScript's
 * own order differs if a character above U+FFFF is compared with one from U+E000 to U+FFFF.
 *
 * @returns Negative, zero or positive, for `sort`.
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

/** Ranks surrogates, which encode code points above U+FFFF, after all other code units. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/**
 * The first string in that order after all strings that begin with `prefix`, or `null` if there is none.
 *
 * @param prefix Without lone surrogates.
 */
export function firstAfterPrefix(prefix: string): string | null {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  while (points.at(-1) === LAST_CODE_POINT) points.pop();
  const last = points.pop();
  if (last === undefined) return null;
  // Skip the surrogates, which are not characters.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
}

const LAST_CODE_POINT = 0x10ffff;
