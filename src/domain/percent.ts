/** Reserved characters (RFC 3986) that `encodeURIComponent` does not encode. */
const NOT_ENCODED = /[!'()*]/g;

/** Percent-encode every byte of `text` outside `A-Za-z0-9-._~` (RFC 3986, 2.3). */
export function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(
    NOT_ENCODED,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
