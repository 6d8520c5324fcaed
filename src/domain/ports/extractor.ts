import type { ByteStream } from "../bytes.ts";
import type { ErrorCode } from "../errors.ts";
import type { ProcessorInfo, ProcessorOutput } from "./processor.ts";

/** Why the processor `text` finds none in a document. */
export interface TextFailure {
  readonly code: ErrorCode;
  readonly detail: string;
}

/** One document for one processor. */
export interface Extraction {
  readonly processor: string;
  readonly contentType: string;
  readonly extension: string;
  readonly sizeBytes: number;
  /** Known already: nobody looks for its text again, and `text()` of the input throws this. */
  readonly textFailure?: TextFailure | undefined;
  /** Opens the document; called at most once. */
  open(): Promise<ByteStream>;
  readonly signal: AbortSignal;
}

/**
 * Runs processors where a hostile document can do no harm.
 */
export interface Extractor {
  /** The processors it can run. */
  readonly processors: readonly ProcessorInfo[];
  /** How many documents it takes at once. */
  readonly concurrency: number;
  /**
   * Run one processor on one document.
   *
   * @throws {StowageError} `document_*` for the document's own faults (not retryable), `extractor_crashed`
   *   for a death whose cause is unknown, `extractor_unavailable` (retryable) when no document could be
   *   processed at all, `processor_failed` for anything else the processor threw. Errors of `open` pass
   *   through. An aborted signal ends it soon with `request_aborted`.
   */
  run(extraction: Extraction): Promise<ProcessorOutput>;
  /** Whether documents can be processed at all: a canary. @throws `extractor_unavailable` with the reason. */
  check(): Promise<void>;
  close(): Promise<void>;
}
