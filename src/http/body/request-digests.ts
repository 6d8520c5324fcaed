import { BodyMeter } from "../../application/uploads/body-meter.ts";
import { type ByteStream, toHex } from "../../domain/bytes.ts";
import { DIGEST_BYTES, type DigestAlgorithm, type DigestClaim } from "../../domain/digest.ts";
import { StowageError } from "../../domain/errors.ts";
import type { Hasher } from "../../domain/ports/hasher.ts";
import { findBase64, findBytes, findDictionary } from "../../domain/structured-field.ts";

/** The algorithms in `Repr-Digest` and `Content-Digest` (RFC 9530, 7.2) that are verified. Others are ignored. */
const VERIFIED: readonly (readonly [name: string, algorithm: DigestAlgorithm])[] = [
  ["sha-256", "sha256"],
  ["sha-512", "sha512"],
];

/**
 * The digests that a request declares in its headers. Trailers are ignored.
 *
 * @throws {StowageError} `invalid_digest` for a malformed header or a digest of the wrong length.
 * @see https://www.rfc-editor.org/rfc/rfc9530
 * @see https://www.rfc-editor.org/rfc/rfc1864
 */
export function readDigestHeaders(headers: Headers): DigestClaim[] {
  return [
    ...readDictionary("Repr-Digest", headers.get("Repr-Digest")),
    ...readDictionary("Content-Digest", headers.get("Content-Digest")),
    ...readContentMd5(headers.get("Content-MD5")),
  ];
}

/**
 * Parse a hexadecimal SHA-256 from a form field.
 *
 * @throws {StowageError} `invalid_digest`
 */
export function parseSha256Field(field: string, text: string): DigestClaim {
  if (!/^[0-9a-f]{64}$/i.test(text)) {
    throw invalidDigest(field, "expected 64 hexadecimal digits");
  }
  return { algorithm: "sha256", hex: text.toLowerCase(), field };
}

/**
 * Hash a stream while it is read.
 *
 * @returns The stream, and `verify`: call it after the end of the stream; it throws `digest_mismatch`.
 */
export function digestStream(
  source: ByteStream,
  claims: readonly DigestClaim[],
  hasher: Hasher,
): { readonly stream: ByteStream; verify(): void } {
  if (claims.length === 0) return { stream: source, verify: () => {} };
  const meter = new BodyMeter({ hasher, claims });
  return { stream: hashChunks(source, meter), verify: () => void meter.end() };
}

async function* hashChunks(source: ByteStream, meter: BodyMeter): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    meter.add(chunk);
    yield chunk;
  }
}

function readDictionary(field: string, value: string | null): DigestClaim[] {
  if (value === null) return [];
  const members = findDictionary(value);
  if (members === null) throw invalidDigest(field, "expected a dictionary (RFC 9530)");
  return VERIFIED.flatMap(([name, algorithm]) => {
    const member = members.get(name);
    return member === undefined ? [] : [toClaim(field, algorithm, findBytes(member))];
  });
}

function readContentMd5(value: string | null): DigestClaim[] {
  return value === null ? [] : [toClaim("Content-MD5", "md5", findBase64(value.trim()))];
}

function toClaim(field: string, algorithm: DigestAlgorithm, bytes: Uint8Array | null): DigestClaim {
  const length = DIGEST_BYTES[algorithm];
  if (bytes?.byteLength === length) return { algorithm, hex: toHex(bytes), field };
  throw invalidDigest(field, `expected ${length} bytes of ${algorithm} in base64`);
}

function invalidDigest(field: string, state: string): StowageError {
  return new StowageError("invalid_digest", `Cannot read ${field}: ${state}`);
}
