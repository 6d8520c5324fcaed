import { StowageError } from "./errors.ts";

/** The length of each digest in bytes. */
export const DIGEST_BYTES = { sha256: 32, sha512: 64, md5: 16 } as const;
export type DigestAlgorithm = keyof typeof DIGEST_BYTES;

/** A digest that the client sent. */
export interface DigestClaim {
  readonly algorithm: DigestAlgorithm;
  /** Lower-case hexadecimal. */
  readonly hex: string;
  /** The header or form field that contained it. */
  readonly field: string;
}

/**
 * Compare the digests that the client sent with the computed ones.
 *
 * @param digests In lower-case hexadecimal; at least the algorithms of `claims`.
 * @throws {StowageError} `digest_mismatch`, naming the first field that does not match.
 */
export function verifyDigests(
  claims: readonly DigestClaim[],
  digests: ReadonlyMap<DigestAlgorithm, string>,
): void {
  const wrong = claims.find(({ algorithm, hex }) => digests.get(algorithm) !== hex);
  if (wrong === undefined) return;
  throw new StowageError(
    "digest_mismatch",
    `Cannot accept upload: its ${wrong.algorithm} does not match ${wrong.field} (send it again)`,
    { data: { field: wrong.field } },
  );
}

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
