import type { ByteStream } from "../bytes.ts";
import type { ErrorCode } from "../errors.ts";
import type { ProcessorInfo, ProcessorOutput } from "./processor.ts";

/** Why the processor `text` failed on a document. */
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
  /** If set, the text is not extracted again, and `text()` of the input throws this error. */
  readonly textFailure?: TextFailure | undefined;
  /** Opens the document; called at most once. */
  open(): Promise<ByteStream>;
  readonly signal: AbortSignal;
}

/**
 * Runs processors in isolation, so that a hostile document can do no harm.
 */
export interface Extractor {
  /** The processors it can run. */
  readonly processors: readonly ProcessorInfo[];
  /** How many documents it processes at once. */
  readonly concurrency: number;
  /**
   * Run one processor on one document.
   *
   * @throws {StowageError} `document_*` if the document is at fault (not retryable), `extractor_crashed` for a crash of
   *   unknown cause, `extractor_unavailable` (retryable) if no document can be processed, `processor_failed` for
   *   other errors of the processor. Errors of `open` pass through. An aborted signal ends it with
   *   `request_aborted`.
   */
  run(extraction: Extraction): Promise<ProcessorOutput>;
  /** Check with a canary that documents can be processed. @throws `extractor_unavailable` with the reason. */
  check(): Promise<void>;
  close(): Promise<void>;
}
