import { type ByteStream, concatBytes } from "../../../domain/bytes.ts";
import type { StowageError } from "../../../domain/errors.ts";
import { closeSource, toBodyError } from "../../../domain/read-body.ts";
import { Delimiter } from "./delimiter.ts";
import { invalidMultipart } from "./invalid-multipart.ts";
import { bytesOfLatin1, latin1Of, trimBlanks } from "./latin1.ts";

/** The headers of a part: all values by name in lower case, one character per byte. */
export type PartHeaders = ReadonlyMap<string, readonly string[]>;

export interface MultipartLimits {
  /** The limit for the headers of one part, with the boundary before them. */
  readonly headerBytes: number;
  /** Called with the length of each chunk received. An error it throws ends the reading. */
  onChunk(byteLength: number): void;
}

const NOTHING = new Uint8Array(0);
const CRLF = bytesOfLatin1("\r\n");
const LF = 0x0a;
/** A header, or a continuation of the previous one: a line that starts with a blank (RFC 5322, 2.2.3). */
const HEADER = /^(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+):|(?=[\t ]))([\t\x20-\x7e\x80-\xff]*)\r\n$/;

/**
 * Reads a multipart body part by part, on demand (RFC 2046, 5.1). It never reads ahead, and holds at most one chunk,
 * the headers of a part, and a delimiter that is split between chunks.
 */
export class MultipartReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #delimiter: Delimiter;
  readonly #limits: MultipartLimits;
  /** Received but not yet scanned. */
  #chunk: Uint8Array = NOTHING;
  /** Bytes before it that may begin a delimiter. The first delimiter needs no line break, so start with one. */
  #held: Uint8Array = CRLF;
  /** How many of the held bytes were not received but inserted. */
  #insertedBytes = CRLF.byteLength;
  #isAtDelimiter = false;
  #failure: { readonly error: unknown } | null = null;
  /** Ends a wait for the source. */
  #interrupt: (error: unknown) => void = () => {};

  /** @param boundary One character per byte. */
  constructor(source: ByteStream, boundary: string, limits: MultipartLimits) {
    this.#source = source[Symbol.asyncIterator]();
    this.#delimiter = new Delimiter(boundary);
    this.#limits = limits;
  }

  /**
   * Advance to the next part, skipping the rest of the current one.
   *
   * @returns Its headers, or `null` at the end of the body.
   * @throws {StowageError} `invalid_multipart`, `body_incomplete`, and errors that `limits.onChunk` throws.
   */
  async nextPart(): Promise<PartHeaders | null> {
    while ((await this.read()) !== null);
    const budget = { bytes: this.#limits.headerBytes };
    const line = await this.#readLine(budget);
    if (/^--[ \t]*\r?\n?$/.test(line)) {
      // Ignore the epilogue (RFC 2046, 5.1).
      while ((await this.#pull()) !== null);
      return null;
    }
    if (!line.endsWith("\n")) throw unfinished();
    if (!/^[ \t]*\r\n$/.test(line))
      throw invalidMultipart("a boundary is followed by other text on its line");
    const headers = await this.#readHeaders(budget);
    this.#isAtDelimiter = false;
    // In an empty part, the line break after the headers may also be the start of the delimiter.
    this.#held = CRLF;
    this.#insertedBytes = CRLF.byteLength;
    return headers;
  }

  /**
   * Read the content of the part.
   *
   * @returns Part of a received chunk, never empty and not copied; `null` at the end of the part.
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
      const came = content.subarray(this.#insertedBytes);
      this.#insertedBytes = Math.max(0, this.#insertedBytes - content.byteLength);
      if (came.byteLength > 0) return came;
    }
    return null;
  }

  /** Release the source. Pending and later calls fail with `error`. */
  cancel(error: unknown): void {
    if (this.#failure !== null) return;
    this.#failure = { error };
    this.#chunk = NOTHING;
    this.#interrupt(error);
    closeSource(this.#source);
  }

  /** Take all bytes that are certainly content, and note whether a delimiter follows. */
  #scan(): Uint8Array {
    const { byteLength } = this.#delimiter;
    const held = this.#held;
    const chunk = this.#chunk;
    // If bytes are held, scan only as far as a delimiter that begins in them can reach.
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
    // Copied, so that the chunk can be freed.
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
        throw invalidMultipart("a header of a part is malformed");
      }
      if (name !== undefined) {
        values = headers.get(name.toLowerCase()) ?? [];
        headers.set(name.toLowerCase(), values);
      }
      values.push(trimBlanks(before + text));
    }
  }

  /** A line with its line break, which is missing only at the end of the body. Reduces the budget by its length. */
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

  /** The next chunk of the source, or `null` at its end. */
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
