import type { ByteStream } from "../domain/bytes.ts";
import { toHex } from "../domain/bytes.ts";
import { StowageError } from "../domain/errors.ts";
import type { Hash, Hasher } from "../domain/ports/hasher.ts";

/**
 * Lets the bytes of a file through, one chunk late: the last one only if all together are what they should be.
 * Whoever reads a file that was changed behind our back gets a part of it, which is seen, and never the whole.
 */
export class DigestGate {
  readonly #hash: Hash;
  readonly #sha256: string;
  #held: Uint8Array | null = null;
  #verified = false;

  /** @param sha256 Lower-case hexadecimal. */
  constructor(hasher: Hasher, sha256: string) {
    this.#hash = hasher("sha256");
    this.#sha256 = sha256;
  }

  /** Take a chunk. @returns The one before it, or `null` for the first. */
  pass(chunk: Uint8Array): Uint8Array | null {
    this.#hash.update(chunk);
    const before = this.#held;
    this.#held = chunk;
    return before;
  }

  /**
   * All have come.
   *
   * @returns The last chunk; `null` if there is none, and when it is asked for again.
   * @throws {StowageError} `object_corrupt`
   */
  end(): Uint8Array | null {
    const last = this.#held;
    this.#held = null;
    if (!this.#verified && toHex(this.#hash.digest()) !== this.#sha256) throw corrupt();
    this.#verified = true;
    return last;
  }
}

/** The bytes of a file, which fail with `object_corrupt` before their end if they are others than these. */
export async function* verified(
  stream: ByteStream,
  sha256: string,
  hasher: Hasher,
): AsyncGenerator<Uint8Array> {
  const gate = new DigestGate(hasher, sha256);
  for await (const chunk of stream) {
    const before = gate.pass(chunk);
    if (before !== null) yield before;
  }
  const last = gate.end();
  if (last !== null) yield last;
}

function corrupt(): StowageError {
  return new StowageError(
    "object_corrupt",
    "Cannot serve file: its bytes are others than those that were stored (restore it from a backup)",
  );
}
