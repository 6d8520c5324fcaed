/**
 * `Repr-Digest` of a file, from its SHA-256 in hexadecimal.
 *
 * @example `sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:`
 * @see https://www.rfc-editor.org/rfc/rfc9530#name-the-repr-digest-field
 */
export function formatReprDigest(sha256Hex: string): string {
  let binary = "";
  for (let i = 0; i < sha256Hex.length; i += 2) {
    binary += String.fromCharCode(Number.parseInt(sha256Hex.slice(i, i + 2), 16));
  }
  return `sha-256=:${btoa(binary)}:`;
}
