import { toHex } from "../../domain/bytes.ts";
import type { DigestAlgorithm } from "../../domain/digest.ts";
import type { Hash, Hasher } from "../../domain/ports/hasher.ts";

/** Digests of the same bytes by several algorithms, taken as they pass. */
export class Digests {
  readonly #hashes: ReadonlyMap<DigestAlgorithm, Hash>;

  /** @param algorithms Each is computed once, however often it is named. */
  constructor(hasher: Hasher, algorithms: readonly DigestAlgorithm[]) {
    this.#hashes = new Map(
      [...new Set(algorithms)].map((algorithm) => [algorithm, hasher(algorithm)]),
    );
  }

  add(chunk: Uint8Array): void {
    for (const hash of this.#hashes.values()) hash.update(chunk);
  }

  /** Of all that has passed, in lower-case hexadecimal. Once. */
  end(): ReadonlyMap<DigestAlgorithm, string> {
    const entries = [...this.#hashes].map(
      ([algorithm, hash]) => [algorithm, toHex(hash.digest())] as const,
    );
    return new Map(entries);
  }
}
