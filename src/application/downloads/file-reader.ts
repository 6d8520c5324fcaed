import type { ByteRange } from "../../domain/byte-range.ts";
import { StowageError } from "../../domain/errors.ts";
import type { ObjectRead } from "../../domain/ports/storage-driver.ts";
import type { Upload } from "../../domain/upload.ts";
import type { DigestGate } from "./digest-gate.ts";

type Reader = ReadableStreamDefaultReader<Uint8Array>;
type Next = Awaited<ReturnType<Reader["read"]>>;

/**
 * If a reader takes nothing for this long, its file or connection is closed. When it continues, the rest is opened
 * again at its position.
 */
const CLOSE_IDLE_AFTER_MS = 1_000;

interface FileReaderDeps {
  /** The record of the file. */
  readonly upload: Upload;
  readonly wanted: ByteRange;
  /** Verifies the whole file; `null` for a range, of which only the length can be verified. */
  readonly gate: DigestGate | null;
  /** Open a range of the file at `place`; the whole file without `range`. */
  readonly open: (place: Upload, range: ByteRange | undefined) => Promise<ObjectRead>;
  /** The record after the file has moved away from `place`. Rejects if it has not moved. */
  readonly findMoved: (place: Upload, error: unknown) => Promise<Upload>;
  readonly onCorrupt: (place: Upload) => void;
  /** Called when the whole file was read and passed verification. */
  readonly onVerified: (place: Upload) => void;
}

/** Reads a range of a file and verifies it. Follows the file if it moves to another storage meanwhile. */
export class FileReader {
  readonly #deps: FileReaderDeps;
  /** The record that says where the file is now. */
  #place: Upload;
  #offset: number;
  #reader: Reader | null = null;

  constructor(deps: FileReaderDeps) {
    // Not copied: every download has a reader.
    this.#deps = deps;
    this.#place = deps.upload;
    this.#offset = deps.wanted.start;
  }

  /** The bytes. Resolves when the file is open; the stream fails with the same errors. */
  async stream(): Promise<ReadableStream<Uint8Array>> {
    this.#reader = await this.#open().catch((error) => this.#follow(error));
    const close = () => this.#close();
    let idle = setTimeout(close, CLOSE_IDLE_AFTER_MS);
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          clearTimeout(idle);
          const chunk = await this.#read();
          if (chunk === null) return controller.close();
          controller.enqueue(chunk);
          if (this.#offset < this.#deps.wanted.end) idle = setTimeout(close, CLOSE_IDLE_AFTER_MS);
        },
        cancel: async (reason) => {
          clearTimeout(idle);
          await this.#reader?.cancel(reason);
        },
      },
      // No read-ahead here: the driver's stream already reads ahead.
      { highWaterMark: 0 },
    );
  }

  /** The next chunk, verified; `null` at the end. */
  async #read(): Promise<Uint8Array | null> {
    for (;;) {
      let next: Next;
      try {
        this.#reader ??= await this.#open();
        next = await this.#reader.read();
      } catch (error) {
        this.#reader = await this.#follow(error);
        continue;
      }
      return this.#verified(next);
    }
  }

  #verified(next: Next): Uint8Array | null {
    try {
      this.#verify(next);
    } catch (error) {
      this.#close();
      this.#deps.onCorrupt(this.#place);
      throw error;
    }
    if (!next.done) return next.value;
    if (this.#deps.gate !== null) this.#deps.onVerified(this.#place);
    return null;
  }

  #verify(next: Next): void {
    const { gate, wanted } = this.#deps;
    if (!next.done) this.#offset += next.value.byteLength;
    // A driver may send more or less than the requested range.
    if (this.#offset > wanted.end) throw corrupt("the storage sent more bytes than requested");
    if (!next.done) {
      gate?.pass(next.value);
      return;
    }
    if (this.#offset < wanted.end) throw corrupt("the storage sent fewer bytes than requested");
    gate?.end();
  }

  async #open(): Promise<Reader> {
    const { upload, wanted, open } = this.#deps;
    const isWhole = this.#offset === 0 && wanted.end === upload.sizeBytes;
    const range = isWhole ? undefined : { start: this.#offset, end: wanted.end };
    const { object, stream } = await open(this.#place, range);
    if (object.sizeBytes === upload.sizeBytes) return stream.getReader();
    await stream.cancel();
    throw corrupt(`the stored file has ${object.sizeBytes} bytes instead of ${upload.sizeBytes}`);
  }

  async #follow(error: unknown): Promise<Reader> {
    this.#place = await this.#deps.findMoved(this.#place, error);
    return await this.#open();
  }

  #close(): void {
    this.#reader?.cancel().catch(() => {});
    this.#reader = null;
  }
}

function corrupt(state: string): StowageError {
  return new StowageError("object_corrupt", `Cannot serve file: ${state}`);
}
