import type { ByteStream } from "../bytes.ts";
import type { Logger } from "./logger.ts";

/**
 * The document to process. It arrives once: take `stream()`, or `bytes()` and after it `text()`, or `text()`
 * alone.
 */
export interface ProcessorInput {
  /** Sniffed from the bytes, or declared where they say nothing. */
  readonly contentType: string;
  readonly sizeBytes: number;
  /** The last extension of the filename, lower case with its dot (`.pdf`); empty if it has none. */
  readonly extension: string;
  /** The document, from its beginning. Once. */
  stream(): ByteStream;
  /** All of it in memory; for formats that cannot be read otherwise. The same array every time. */
  bytes(): Promise<Uint8Array>;
  /**
   * The text that the processor `text` finds in it, cut at `maxTextBytes`. The same every time.
   *
   * @throws {StowageError} The `document_*` error of that processor; `document_unreadable` for a type that it
   *   does not read. Let it pass, unless you can do without the text.
   */
  text(): Promise<string>;
}

export interface ProcessorContext {
  /** Aborted when time is up or the job was lost. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** Text beyond this many bytes of UTF-8 is cut; say so in the output. */
  readonly maxTextBytes: number;
}

export interface ProcessorOutput {
  /** Small facts, JSON of at most 64 KiB: `{ "pages": 4 }`. */
  readonly output: Readonly<Record<string, unknown>>;
  /** The text found, if that is what the processor is for. Kept outside the records. */
  readonly text?: string;
}

/**
 * Makes something of a document.
 *
 * It runs in a process of its own under limits of memory, CPU and time, and may be killed at any moment and
 * run again: it keeps nothing and changes nothing outside its return value. It throws StowageError with one
 * of the `document_*` codes for what is the document's own fault; anything else becomes `processor_failed`.
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

/** What the service needs to know of a processor without running it. */
export type ProcessorInfo = Pick<Processor, "name" | "version" | "accepts">;
