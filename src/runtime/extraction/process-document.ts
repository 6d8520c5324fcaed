import textProcessor from "../../../processors/text.ts";
import { InProcessExtractor } from "../../adapters/extractor/in-process.ts";
import { DEFAULT_LIMITS } from "../../adapters/extractor/limits.ts";
import { chunksOf } from "../../domain/bytes.ts";
import { type Logger, SILENT } from "../../domain/ports/logger.ts";
import type { Processor, ProcessorOutput } from "../../domain/ports/processor.ts";

export interface ProcessDocumentOptions {
  /** Default: `text/plain`. */
  readonly contentType?: string;
  /** In lower case, with its dot. Default: none. */
  readonly extension?: string;
  /** UTF-8. Default: 8 MiB, the default of `PROCESSING_MAX_TEXT_BYTES`. */
  readonly maxTextBytes?: number;
  /** Default: 18,000. */
  readonly timeoutMs?: number;
  readonly logger?: Logger;
  readonly signal?: AbortSignal;
}

/**
 * Run a processor on a document in this process, with the checks of the service: for tests of processors. Use
 * documents that you trust: one that crashes the process ends the test.
 *
 * @throws {StowageError} With the code that `processing.error` would have; `processor_failed`, with a cause, if the
 *   processor breaks its contract.
 * @example
 * ```ts
 * const { output } = await processDocument(wordCount, new TextEncoder().encode("Hello, world"));
 * ```
 */
export async function processDocument(
  processor: Processor,
  bytes: Uint8Array,
  options: ProcessDocumentOptions = {},
): Promise<ProcessorOutput> {
  const {
    contentType = "text/plain",
    extension = "",
    maxTextBytes = DEFAULT_LIMITS.maxTextBytes,
    timeoutMs: wallMs = DEFAULT_LIMITS.wallMs,
    logger = SILENT,
  } = options;
  const extractor = new InProcessExtractor({
    processors: [processor, textProcessor],
    concurrency: 1,
    logger,
    limits: { maxTextBytes, wallMs },
  });
  return await extractor.run({
    processor: processor.name,
    contentType,
    extension,
    sizeBytes: bytes.byteLength,
    open: async () => chunksOf(bytes),
    signal: options.signal ?? new AbortController().signal,
  });
}
