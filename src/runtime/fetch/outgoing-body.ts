/** What `fetch` takes for a body. */
export type BodyInit = NonNullable<RequestInit["body"]>;

/** A request's body in a form that can be sent. */
export interface OutgoingBody {
  readonly payload: string | Uint8Array | AsyncIterable<Uint8Array> | null;
  /** Whether it can be sent once more. */
  readonly replayable: boolean;
  /** Tell the source that no more is needed. Does nothing once it has ended. */
  cancel(reason: unknown): void;
}

/**
 * Take up the body of a request.
 *
 * @param headers Names and values in turn; a text's content type is added if there is none.
 * @throws {TypeError} If it is of a kind that cannot be sent, or a stream that somebody else reads.
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
  throw new TypeError("Cannot send request: its body is neither bytes, text nor a stream");
}

/** A body that is here as a whole. */
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
      // Before the last byte goes out: a server must not take for whole what is too long.
      if (left < 0 || (left === 0 && next !== null)) throw mismatch();
      yield chunk;
      chunk = next === undefined ? await this.#next() : next;
    }
    if (left > 0 && lengthBytes !== null) throw mismatch();
  }

  /** The next bytes, if there are any. */
  async #next(): Promise<Uint8Array | null> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      // A cancelled stream looks like one that has ended.
      if (this.#over) throw new Error("Cannot send body: it was cancelled");
      this.#over = done;
      if (done) return null;
      if (!(value instanceof Uint8Array)) {
        throw new TypeError("Cannot send request: its stream holds something else than bytes");
      }
      if (value.byteLength > 0) return value;
    }
  }
}

function mismatch(): Error {
  const error = new Error("Cannot send body: its length is not the content-length");
  return Object.assign(error, { code: "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH" });
}
