const KEY = "[a-z*][a-z0-9_.*-]*";
const BARE_ITEM = [
  String.raw`-?(?:\d{1,12}\.\d{1,3}|\d{1,15})`, // a number
  String.raw`"(?:[ !#-\[\]-~]|\\["\\])*"`, // a string
  String.raw`[A-Za-z*][\w!#$%&'*+.^|~:/${"`"}-]*`, // a token
  ":[A-Za-z0-9+/=]*:", // bytes
  String.raw`\?[01]`, // a boolean
  String.raw`@-?\d{1,15}`, // a date
  '%"(?:[ !#$&-~]|%[0-9a-f]{2})*"', // a Unicode string
].join("|");
const PARAMETERS = `(?:; *${KEY}(?:=(?:${BARE_ITEM}))?)*`;
const ITEM = `(?:${BARE_ITEM})${PARAMETERS}`;
const INNER_LIST = String.raw`\( *(?:${ITEM}(?: +${ITEM})* *)?\)${PARAMETERS}`;
/** A member of a dictionary, and the separator after it. The grammar is regular. */
const MEMBER = String.raw`(${KEY})(?:=(${ITEM}|${INNER_LIST})|${PARAMETERS})[ \t]*(?:(,)[ \t]*|$)`;

/**
 * Parse a dictionary in a header (RFC 9651, 4.2.2).
 *
 * @returns Its members, each as it was sent, with its parameters. If a name occurs twice, the last one counts. `null` if
 *   `field` is not a dictionary.
 */
export function findDictionary(field: string): ReadonlyMap<string, string> | null {
  const text = trimSpaces(field);
  const pattern = new RegExp(MEMBER, "y");
  const members = new Map<string, string>();
  let more = text !== "";
  while (more) {
    const [, key, value = "", comma] = pattern.exec(text) ?? [];
    if (key === undefined) return null;
    members.set(key, value);
    more = comma !== undefined;
  }
  return members;
}

/** Not with `/ +$/`, which starts again at each of many spaces. */
function trimSpaces(text: string): string {
  let start = 0;
  let end = text.length;
  while (text[start] === " ") start += 1;
  while (end > start && text[end - 1] === " ") end -= 1;
  return text.slice(start, end);
}

/** The bytes of a member that is a byte sequence (RFC 9651, 3.3.5), else `null`. */
export function findBytes(member: string): Uint8Array | null {
  const [, base64] = /^:([^:]*):(?:;|$)/.exec(member) ?? [];
  return base64 === undefined ? null : findBase64(base64);
}

/** The bytes that `text` encodes in base64 (RFC 4648, 4), or `null` if it is not base64. */
export function findBase64(text: string): Uint8Array | null {
  // `atob` skips white space.
  if (/\s/.test(text)) return null;
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}
