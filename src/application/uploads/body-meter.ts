import { toHex } from "../../domain/bytes.ts";
import { type DigestAlgorithm, type DigestClaim, verifyDigests } from "../../domain/digest.ts";
import { assertUploadSize } from "../../domain/errors.ts";
import type { Hash, Hasher } from "../../domain/ports/hasher.ts";
import { bodyIncomplete, toBodyError } from "../../domain/read-body.ts";

export interface BodyMeterOptions {
  readonly hasher: Hasher;
  /** Digests that the client sent. All must match, or `end` throws. */
  readonly claims?: readonly DigestClaim[] | undefined;
  /** Digests to compute in addition to those of `claims`. */
  readonly algorithms?: readonly DigestAlgorithm[] | undefined;
  /** The longest body that is accepted. Default: no limit. */
  readonly limitBytes?: number | undefined;
  /** Called for every chunk, and once at the end. Must be cheap. */
  readonly onProgress?: ((ended: boolean) => void) | undefined;
}

/** Counts and hashes the bytes of a body as they pass, and checks its length and its digests. */
export class BodyMeter {
  sizeBytes = 0;
  readonly #claims: readonly DigestClaim[];
  readonly #hashes: ReadonlyMap<DigestAlgorithm, Hash>;
  readonly #limitBytes: number;
  readonly #onProgress: ((ended: boolean) => void) | undefined;
  #expectedBytes: number | null = null;

  constructor(options: BodyMeterOptions) {
    const { hasher, claims = [], algorithms = [], limitBytes, onProgress } = options;
    const hashes = new Map<DigestAlgorithm, Hash>();
    for (const algorithm of algorithms) hashes.set(algorithm, hasher(algorithm));
    for (const { algorithm } of claims) {
      if (!hashes.has(algorithm)) hashes.set(algorithm, hasher(algorithm));
    }
    this.#claims = claims;
    this.#hashes = hashes;
    this.#limitBytes = limitBytes ?? Number.POSITIVE_INFINITY;
    this.#onProgress = onProgress;
  }

  /** Announce the length of the body, `null` if it is unknown. @throws {UploadTooLargeError} */
  expect(sizeBytes: number | null): void {
    assertUploadSize(sizeBytes ?? 0, this.#limitBytes);
    this.#expectedBytes = sizeBytes;
  }

  /** @throws {StowageError} `upload_too_large`; `body_incomplete` if more bytes came than were announced. */
  add(chunk: Uint8Array): void {
    this.sizeBytes += chunk.byteLength;
    assertUploadSize(this.sizeBytes, this.#limitBytes);
    if (this.#expectedBytes !== null && this.sizeBytes > this.#expectedBytes) {
      throw bodyIncomplete(this.#expectedBytes, this.sizeBytes);
    }
    for (const hash of this.#hashes.values()) hash.update(chunk);
    this.#onProgress?.(false);
  }

  /**
   * The body has ended. Call this once.
   *
   * @returns The digests in lower-case hexadecimal.
   * @throws {StowageError} `body_incomplete`, `digest_mismatch`.
   */
  end(): ReadonlyMap<DigestAlgorithm, string> {
    if (this.#expectedBytes !== null && this.sizeBytes !== this.#expectedBytes) {
      throw bodyIncomplete(this.#expectedBytes, this.sizeBytes);
    }
    const digests = new Map<DigestAlgorithm, string>();
    for (const [algorithm, hash] of this.#hashes) digests.set(algorithm, toHex(hash.digest()));
    verifyDigests(this.#claims, digests);
    this.#onProgress?.(true);
    return digests;
  }
}

/** The next chunk of a body, `null` at its end. An error of the source becomes `body_incomplete`. */
export async function readNext(iterator: AsyncIterator<Uint8Array>): Promise<Uint8Array | null> {
  try {
    const next = await iterator.next();
    return next.done === true ? null : next.value;
  } catch (error) {
    throw toBodyError(error);
  }
}
