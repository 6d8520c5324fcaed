import type { ByteStream } from "../../domain/bytes.ts";
import { toHex } from "../../domain/bytes.ts";
import { StowageError } from "../../domain/errors.ts";
import type { Hash, Hasher } from "../../domain/ports/hasher.ts";
import type { Upload } from "../../domain/upload.ts";

/** What a file has to be. */
export interface ExpectedFile {
  readonly sizeBytes: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}

/** What the record of a stored upload says of its file. */
export function expectedFile({ sizeBytes, sha256 }: Upload): ExpectedFile {
  return { sizeBytes: sizeBytes ?? 0, sha256: sha256 ?? "" };
}

/**
 * Checks the bytes of a file as they pass. The chunk that completes the file passes only if all of them together
 * are what was stored: a reader of a file that was changed gets a part of it, which it can see, never the whole.
 *
 * No chunk is held back, so a reader that stands still costs no more than the chunk it is about to take.
 */
export class DigestGate {
  readonly #hash: Hash;
  readonly #expected: ExpectedFile;
  #passedBytes = 0;
  #verified = false;

  constructor(hasher: Hasher, expected: ExpectedFile) {
    this.#hash = hasher("sha256");
    this.#expected = expected;
  }

  /** Check the next chunk. @throws {StowageError} `object_corrupt` if it must not be handed on. */
  pass(chunk: Uint8Array): void {
    if (chunk.byteLength === 0) return;
    this.#hash.update(chunk);
    this.#passedBytes += chunk.byteLength;
    if (this.#passedBytes >= this.#expected.sizeBytes) this.#verify();
  }

  /** No more chunks come. @throws {StowageError} `object_corrupt` if the file is not complete. */
  end(): void {
    if (!this.#verified) this.#verify();
  }

  #verify(): void {
    const { sizeBytes, sha256 } = this.#expected;
    if (this.#verified || this.#passedBytes !== sizeBytes) throw corrupt();
    if (toHex(this.#hash.digest()) !== sha256) throw corrupt();
    this.#verified = true;
  }
}

/** The bytes of a file; fails with `object_corrupt` before the last of them if they are not what was stored. */
export async function* verified(
  stream: ByteStream,
  expected: ExpectedFile,
  hasher: Hasher,
): AsyncGenerator<Uint8Array> {
  const gate = new DigestGate(hasher, expected);
  for await (const chunk of stream) {
    gate.pass(chunk);
    yield chunk;
  }
  gate.end();
}

function corrupt(): StowageError {
  return new StowageError(
    "object_corrupt",
    "Cannot serve file: its bytes are not what was stored (restore it from a backup)",
  );
}
