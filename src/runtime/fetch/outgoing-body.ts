/** The bodies that `fetch` accepts. */
export type BodyInit = NonNullable<RequestInit["body"]>;

/** A request body, ready to be sent. */
export interface OutgoingBody {
  readonly payload: string | Uint8Array | AsyncIterable<Uint8Array> | null;
  /** Whether it can be sent again. */
  readonly replayable: boolean;
  /** Cancel the source. Does nothing once it has ended. */
  cancel(reason: unknown): void;
}

/**
 * Prepare the body of a request.
 *
 * @param headers Names and values in turn. For text without a content type, one is added.
 * @throws {TypeError} If the body is of an unsupported kind, or a stream that is locked.
 */
export function outgoingBody(body: BodyInit | null, headers: string[]): OutgoingBody {
  if (body === null) return wholeBody(null);
  if (typeof body === "string") {
    if (find(headers, "content-type") === undefined) {
      headers.push("content-type", "text/plain;charset=UTF-8");
    }
    return wholeBody(body);
  }
  if (body instanceof Uint8Array) return wholeBody(body);
  if (body instanceof ArrayBuffer) return wholeBody(new Uint8Array(body));
  if (ArrayBuffer.isView(body)) {
    return wholeBody(new Uint8Array(body.buffer, body.byteOffset, body.byteLength));
  }
  if (typeof body === "object" && Symbol.asyncIterator in body) {
    const stream = body instanceof ReadableStream ? body : ReadableStream.from(body);
    const length = find(headers, "content-length");
    return new StreamedBody(stream, length === undefined ? null : Number(length));
  }
  throw new TypeError("Cannot send request: its body is not bytes, text or a stream");
}

/** A body that is completely in memory. */
export function wholeBody(payload: string | Uint8Array | null): OutgoingBody {
  return { payload, replayable: true, cancel() {} };
}

function find(headers: readonly string[], name: string): string | undefined {
  for (let index = 0; index < headers.length; index += 2) {
    if (headers[index]?.toLowerCase() === name) return headers[index + 1];
  }
  return undefined;
}

class StreamedBody implements OutgoingBody {
  readonly replayable = false;
  readonly payload: AsyncIterable<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<unknown>;
  #over = false;

  constructor(stream: ReadableStream<unknown>, lengthBytes: number | null) {
    this.#reader = stream.getReader();
    this.payload = this.#read(lengthBytes);
  }

  cancel(reason: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#reader.cancel(reason).catch(() => {});
  }

  async *#read(lengthBytes: number | null): AsyncGenerator<Uint8Array, void> {
    let left = lengthBytes ?? Number.POSITIVE_INFINITY;
    let chunk = await this.#next();
    while (chunk !== null) {
      const next: Uint8Array | null | undefined =
        left === chunk.byteLength ? await this.#next() : undefined;
      left -= chunk.byteLength;
      // Check before the last byte is sent, so that a server does not accept a body that is cut off.
      if (left < 0 || (left === 0 && next !== null)) throw mismatch();
      yield chunk;
      chunk = next === undefined ? await this.#next() : next;
    }
    if (left > 0 && lengthBytes !== null) throw mismatch();
  }

  /** The next bytes; `null` at the end. */
  async #next(): Promise<Uint8Array | null> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      // A cancelled stream looks like one that has ended.
      if (this.#over) throw new Error("Cannot send body: it was cancelled");
      this.#over = done;
      if (done) return null;
      if (!(value instanceof Uint8Array)) {
        throw new TypeError("Cannot send request: its stream contains something other than bytes");
      }
      if (value.byteLength > 0) return value;
    }
  }
}

function mismatch(): Error {
  const error = new Error("Cannot send body: its length differs from content-length");
  return Object.assign(error, { code: "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH" });
}
