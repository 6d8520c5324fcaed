import type { ByteStream } from "../bytes.ts";
import type { Logger } from "./logger.ts";

/**
 * The document to process. It arrives once: use `stream()`, or `bytes()` and then `text()`, or only `text()`.
 */
export interface ProcessorInput {
  /** Detected from the bytes, or as declared if that is not possible. */
  readonly contentType: string;
  readonly sizeBytes: number;
  /** The last extension of the filename, lower case with its dot (`.pdf`); empty if it has none. */
  readonly extension: string;
  /** The document from its beginning. Call this once. */
  stream(): ByteStream;
  /** The whole document in memory, for formats that need random access. The same array every time. */
  bytes(): Promise<Uint8Array>;
  /**
   * The text from the processor `text`, cut at `maxTextBytes`. The same every time.
   *
   * @throws {StowageError} The `document_*` error of that processor; `document_unreadable` for a type that it does not
   *   read. Do not catch it unless you can do without the text.
   */
  text(): Promise<string>;
}

/** The default of `PROCESSING_MAX_TEXT_BYTES`. */
export const DEFAULT_MAX_TEXT_BYTES = 8 * 1024 * 1024;

export interface ProcessorContext {
  /** Aborted at the time limit, or if the job was lost. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** Text beyond this many bytes of UTF-8 is cut. Mention that in the output. */
  readonly maxTextBytes: number;
}

export interface ProcessorOutput {
  /** Small facts, JSON of at most 64 KiB: `{ "pages": 4 }`. */
  readonly output: Readonly<Record<string, unknown>>;
  /** The extracted text, if any. Stored outside the records. */
  readonly text?: string;
}

/**
 * Extracts data from a document.
 *
 * It runs in a process of its own under limits of memory, CPU and time, and may be killed at any moment and
 * run again: it keeps nothing and changes nothing outside its return value. If the document is at fault, it
 * throws a StowageError with a `document_*` code; any other error becomes `processor_failed`.
 */
export interface Processor {
  /** 1–40 of `a-z0-9-`. */
  readonly name: string;
  /** 1–40 of `A-Za-z0-9._+-`. Changes when the output changes. */
  readonly version: string;
  /** Media types it reads, in lower case; `text/*` stands for all of a family. */
  readonly accepts: readonly string[];
  process(input: ProcessorInput, context: ProcessorContext): Promise<ProcessorOutput>;
}

/** The description of a processor. */
export type ProcessorInfo = Pick<Processor, "name" | "version" | "accepts">;
