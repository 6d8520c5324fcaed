/** Everything outside RFC 3986's unreserved set that `encodeURIComponent` leaves alone. */
const LEFT_ALONE = /[!'()*]/g;

/** Percent-encode every byte of `text` outside `A-Za-z0-9-._~` (RFC 3986, 2.3). */
export function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(
    LEFT_ALONE,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
