import textProcessor from "../../../processors/text.ts";
import { InProcessExtractor } from "../../adapters/extractor/in-process.ts";
import { DEFAULT_LIMITS } from "../../adapters/extractor/limits.ts";
import { chunksOf } from "../../domain/bytes.ts";
import { type Logger, SILENT } from "../../domain/ports/logger.ts";
import type { Processor, ProcessorOutput } from "../../domain/ports/processor.ts";

export interface ProcessDocumentOptions {
  /** Default: `text/plain`. */
  readonly contentType?: string;
  /** Lower case with its dot. Default: none. */
  readonly extension?: string;
  /** UTF-8. Default: 16 MiB. */
  readonly maxTextBytes?: number;
  /** Default: 20 s. */
  readonly timeoutMs?: number;
  readonly logger?: Logger;
  readonly signal?: AbortSignal;
}

/**
 * Run one processor on one document right here, held to its contract as the service holds it: for tests of
 * processors. A document that kills takes the test with it; use documents that you trust.
 *
 * @throws {StowageError} What would be the reason in `processing.error`; `processor_failed`, with its cause,
 *   for whatever breaks the contract.
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
  const { contentType = "text/plain", extension = "", logger = SILENT } = options;
  const { maxTextBytes, timeoutMs: wallMs } = {
    ...{ maxTextBytes: DEFAULT_LIMITS.maxTextBytes, timeoutMs: DEFAULT_LIMITS.wallMs },
    ...options,
  };
  const extractor = new InProcessExtractor({
    ...{ processors: [processor, textProcessor], concurrency: 1, logger },
    limits: { maxTextBytes, wallMs },
  });
  return await extractor.run({
    ...{ processor: processor.name, contentType, extension, sizeBytes: bytes.byteLength },
    open: async () => chunksOf(bytes),
    signal: options.signal ?? new AbortController().signal,
  });
}
