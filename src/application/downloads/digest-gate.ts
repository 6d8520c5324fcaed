import type { ByteStream } from "../../domain/bytes.ts";
import { StowageError } from "../../domain/errors.ts";
import type { Hasher } from "../../domain/ports/hasher.ts";
import type { Upload } from "../../domain/upload.ts";
import { BodyMeter } from "../uploads/body-meter.ts";

/** The expected size and digest of a file. */
export interface ExpectedFile {
  readonly sizeBytes: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}

/** The expected file, from the record of a stored upload. */
export function expectedFile({ sizeBytes, sha256 }: Upload): ExpectedFile {
  return { sizeBytes: sizeBytes ?? 0, sha256: sha256 ?? "" };
}

/**
 * Verifies the bytes of a file as they pass. The last chunk passes only if the whole file is correct. So the reader of
 * a corrupt file gets an incomplete download, which it can notice, never a complete one.
 *
 * No chunk is held back, so a stalled reader costs only the chunk that it reads next.
 */
export class DigestGate {
  readonly #meter: BodyMeter;
  readonly #expected: ExpectedFile;
  #verified = false;

  constructor(hasher: Hasher, expected: ExpectedFile) {
    this.#meter = new BodyMeter({ hasher, algorithms: ["sha256"] });
    this.#expected = expected;
  }

  /** Check the next chunk. @throws {StowageError} `object_corrupt` if you must not pass it on. */
  pass(chunk: Uint8Array): void {
    if (chunk.byteLength === 0) return;
    if (this.#verified) throw corrupt();
    this.#meter.add(chunk);
    if (this.#meter.sizeBytes >= this.#expected.sizeBytes) this.#verify();
  }

  /** Call this at the end. @throws {StowageError} `object_corrupt` if the file is not complete. */
  end(): void {
    if (!this.#verified) this.#verify();
  }

  #verify(): void {
    const { sizeBytes, sha256 } = this.#expected;
    if (this.#meter.sizeBytes !== sizeBytes) throw corrupt();
    if (this.#meter.end().get("sha256") !== sha256) throw corrupt();
    this.#verified = true;
  }
}

/** The verified bytes of a file. Fails with `object_corrupt` before the last chunk if they are wrong. */
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
    "Cannot serve file: the stored bytes failed verification (restore it from a backup)",
  );
}
