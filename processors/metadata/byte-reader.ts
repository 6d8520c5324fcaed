import { type ByteStream, concatBytes, StowageError } from "../../src/processor.ts";

/** Reads a stream forward by byte counts. Holds at most the requested bytes and one chunk. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #buffer: Uint8Array = new Uint8Array(0);
  #position = 0;

  constructor(stream: ByteStream) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** How many bytes were consumed. */
  get position(): number {
    return this.#position;
  }

  /** The next `count` bytes, or all that are left, without consuming them. */
  async peek(count: number): Promise<Uint8Array> {
    if (this.#buffer.byteLength < count) await this.#fill(count);
    return this.#buffer.subarray(0, count);
  }

  /** @throws {StowageError} `document_truncated` if the stream ends early. */
  async take(count: number): Promise<DataView> {
    const bytes = await this.peek(count);
    if (bytes.byteLength < count) throw cutOff();
    this.#advance(count);
    return new DataView(bytes.buffer, bytes.byteOffset, count);
  }

  /** @throws {StowageError} `document_truncated` if the stream ends early. */
  async skip(count: number): Promise<void> {
    let left = count;
    while (left > this.#buffer.byteLength) {
      left -= this.#buffer.byteLength;
      this.#advance(this.#buffer.byteLength);
      const next = await this.#chunks.next();
      if (next.done) throw cutOff();
      this.#buffer = next.value;
    }
    this.#advance(left);
  }

  /** Stop reading, and the source with it. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #fill(count: number): Promise<void> {
    const pieces = [this.#buffer];
    let length = this.#buffer.byteLength;
    while (length < count) {
      const next = await this.#chunks.next();
      if (next.done) break;
      pieces.push(next.value);
      length += next.value.byteLength;
    }
    this.#buffer = concatBytes(pieces);
  }

  #advance(count: number): void {
    this.#buffer = this.#buffer.subarray(count);
    this.#position += count;
  }
}

function cutOff(): StowageError {
  return new StowageError("document_truncated", "Cannot read image: the file is truncated");
}
