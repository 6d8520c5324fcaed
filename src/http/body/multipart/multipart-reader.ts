import { type ByteStream, concatBytes } from "../../../domain/bytes.ts";
import { isStowageError, StowageError } from "../../../domain/errors.ts";
import { Delimiter } from "./delimiter.ts";
import { invalidMultipart } from "./invalid-multipart.ts";
import { bytesOfLatin1, latin1Of, trimBlanks } from "./latin1.ts";

/** The headers of a part: each value of each name in lower case, one character a byte. */
export type PartHeaders = ReadonlyMap<string, readonly string[]>;

export interface MultipartLimits {
  /** For the headers of one part, and the boundary before them. */
  readonly headerBytes: number;
  /** Called with the length of each chunk that has come. What it throws ends the reading. */
  onChunk(byteLength: number): void;
}

const NOTHING = new Uint8Array(0);
const CRLF = bytesOfLatin1("\r\n");
const LF = 0x0a;
/** A header, or what continues the one before: a line that begins with a blank (RFC 5322, 2.2.3). */
const HEADER = /^(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+):|(?=[\t ]))([\t\x20-\x7e\x80-\xff]*)\r\n$/;

/**
 * Reads a multipart body part by part (RFC 2046, 5.1), and only as it is asked to: nothing is read ahead, and
 * no more is held than one chunk, the headers of a part, and a delimiter that a chunk has cut in two.
 */
export class MultipartReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #delimiter: Delimiter;
  readonly #limits: MultipartLimits;
  /** What has come and was not looked at. */
  #chunk: Uint8Array = NOTHING;
  /** What came before it and may begin a delimiter. The very first one needs no line break before it. */
  #held: Uint8Array = CRLF;
  /** How many of the bytes that are held have never come. */
  #inventedBytes = CRLF.byteLength;
  #isAtDelimiter = false;
  #failure: { readonly error: unknown } | null = null;
  /** Ends a wait for the source. */
  #interrupt: (error: unknown) => void = () => {};

  /** @param boundary One character a byte. */
  constructor(source: ByteStream, boundary: string, limits: MultipartLimits) {
    this.#source = source[Symbol.asyncIterator]();
    this.#delimiter = new Delimiter(boundary);
    this.#limits = limits;
  }

  /**
   * Go on to the next part. What was not read of the one before it is skipped.
   *
   * @returns Its headers, or `null` if there is none; then the body has been read to its end.
   * @throws {StowageError} `invalid_multipart`, `body_incomplete`, and whatever `limits.onChunk` throws.
   */
  async nextPart(): Promise<PartHeaders | null> {
    while ((await this.read()) !== null);
    const budget = { bytes: this.#limits.headerBytes };
    const line = await this.#readLine(budget);
    if (/^--[ \t]*\r?\n?$/.test(line)) {
      // The epilogue has no meaning (RFC 2046, 5.1).
      while ((await this.#pull()) !== null);
      return null;
    }
    if (!line.endsWith("\n")) throw unfinished();
    if (!/^[ \t]*\r\n$/.test(line)) throw invalidMultipart("a line goes on behind its boundary");
    const headers = await this.#readHeaders(budget);
    this.#isAtDelimiter = false;
    // In an empty part the line break that ends the headers may be the one that begins the delimiter.
    this.#held = CRLF;
    this.#inventedBytes = CRLF.byteLength;
    return headers;
  }

  /**
   * Read on in the content of the part.
   *
   * @returns A piece of a chunk as it came, never an empty one; `null` at the end of the part.
   * @throws {StowageError} As {@link nextPart} does.
   */
  async read(): Promise<Uint8Array | null> {
    while (!this.#isAtDelimiter) {
      if (this.#chunk.byteLength === 0) {
        const chunk = await this.#pull();
        if (chunk === null) throw unfinished();
        this.#chunk = chunk;
      }
      const content = this.#scan();
      const came = content.subarray(this.#inventedBytes);
      this.#inventedBytes = Math.max(0, this.#inventedBytes - content.byteLength);
      if (came.byteLength > 0) return came;
    }
    return null;
  }

  /** Let the source go. A call that waits for it fails with `error`, and so does every later one. */
  cancel(error: unknown): void {
    if (this.#failure !== null) return;
    this.#failure = { error };
    this.#chunk = NOTHING;
    this.#interrupt(error);
    // Not awaited: a generator that waits for its own source answers only when that does.
    this.#source.return?.().catch(() => {});
  }

  /** Take from what has come all that is known to be content, and note a delimiter behind it. */
  #scan(): Uint8Array {
    const { byteLength } = this.#delimiter;
    const held = this.#held;
    const chunk = this.#chunk;
    // With bytes held, only as much of the chunk as a delimiter that begins in them can reach.
    const reach = chunk.subarray(0, byteLength - 1);
    const bytes = held.byteLength === 0 ? chunk : concatBytes([held, reach]);
    const at = this.#delimiter.indexIn(bytes);
    if (at >= 0) {
      this.#isAtDelimiter = true;
      this.#chunk = chunk.subarray(at + byteLength - held.byteLength);
      this.#held = NOTHING;
      return bytes.subarray(0, at);
    }
    if (bytes.byteLength < held.byteLength + chunk.byteLength) {
      this.#held = NOTHING;
      return held;
    }
    const end = this.#delimiter.cutIn(bytes);
    // A copy, so that not all of the chunk is kept for it.
    this.#held = new Uint8Array(bytes.subarray(end));
    this.#chunk = NOTHING;
    return bytes.subarray(0, end);
  }

  async #readHeaders(budget: { bytes: number }): Promise<PartHeaders> {
    const headers = new Map<string, string[]>();
    let values: string[] = [];
    for (;;) {
      const line = await this.#readLine(budget);
      if (line === "\r\n") return headers;
      if (!line.endsWith("\n")) throw unfinished();
      const [, name, text] = HEADER.exec(line) ?? [];
      const before = name === undefined ? values.pop() : "";
      if (text === undefined || before === undefined) {
        throw invalidMultipart("a header of a part cannot be read");
      }
      if (name !== undefined) {
        values = headers.get(name.toLowerCase()) ?? [];
        headers.set(name.toLowerCase(), values);
      }
      values.push(trimBlanks(before + text));
    }
  }

  /** A line with its line break; where the body ends, without. Its length is taken from the budget. */
  async #readLine(budget: { bytes: number }): Promise<string> {
    let line = "";
    for (;;) {
      const end = this.#chunk.indexOf(LF) + 1;
      const piece = end === 0 ? this.#chunk : this.#chunk.subarray(0, end);
      budget.bytes -= piece.byteLength;
      if (budget.bytes < 0) throw invalidMultipart("the headers of a part are too long");
      line += latin1Of(piece);
      this.#chunk = this.#chunk.subarray(piece.byteLength);
      if (end > 0) return line;
      const chunk = await this.#pull();
      if (chunk === null) return line;
      this.#chunk = chunk;
    }
  }

  /** The next chunk of the source, `null` at its end. */
  async #pull(): Promise<Uint8Array | null> {
    if (this.#failure !== null) throw this.#failure.error;
    const { promise, resolve, reject } = Promise.withResolvers<IteratorResult<Uint8Array>>();
    this.#interrupt = reject;
    this.#source.next().then(resolve, (error: unknown) => reject(toBodyError(error)));
    const next = await promise;
    if (next.done === true) return null;
    this.#limits.onChunk(next.value.byteLength);
    return next.value;
  }
}

function unfinished(): StowageError {
  return invalidMultipart("it ends before its final boundary");
}

function toBodyError(error: unknown): unknown {
  if (isStowageError(error)) return error;
  return new StowageError("body_incomplete", "Cannot read form: its body ended early", {
    cause: error,
  });
}
