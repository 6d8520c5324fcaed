import { StowageError } from "../../domain/errors.ts";
import type { Extraction, Extractor } from "../../domain/ports/extractor.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type { Processor, ProcessorOutput } from "../../domain/ports/processor.ts";
import { abandoned, unavailable } from "./deaths.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { runProcessor } from "./run-processor.ts";
import { Slots } from "./slots.ts";

export interface InProcessExtractorOptions {
  readonly processors: readonly Processor[];
  readonly concurrency: number;
  readonly logger: Logger;
  /** UTF-8. */
  readonly maxTextBytes?: number;
}

/**
 * Run processors right here, for hosts without processes, trusted documents and tests.
 *
 * There are no limits but that of the text: a document that takes all memory takes the service with it, and
 * an aborted run goes on unheard until its processor looks at the signal.
 */
export function createInProcessExtractor(options: InProcessExtractorOptions): Extractor {
  const { processors, concurrency, logger, maxTextBytes = DEFAULT_LIMITS.maxTextBytes } = options;
  const slots = new Slots(concurrency);
  const closing = new AbortController();
  const runs = new Set<Promise<unknown>>();

  async function runOne(
    processor: Processor,
    extraction: Extraction,
    signal: AbortSignal,
  ): Promise<ProcessorOutput> {
    const release = await slots.acquire(signal);
    try {
      const stream = await extraction.open();
      const running = runProcessor(processor, extraction, stream, { signal, logger, maxTextBytes });
      return await Promise.race([running, rejection(signal)]);
    } finally {
      release();
    }
  }

  return {
    processors,
    concurrency,
    async run(extraction) {
      const processor = processors.find(({ name }) => name === extraction.processor);
      if (processor === undefined) {
        throw new StowageError(
          "processor_missing",
          `Cannot process document: there is no processor ${extraction.processor}`,
        );
      }
      const run = runOne(
        processor,
        extraction,
        AbortSignal.any([extraction.signal, closing.signal]),
      );
      runs.add(run);
      try {
        return await run;
      } catch (error) {
        if (extraction.signal.aborted) throw abandoned();
        if (closing.signal.aborted) throw unavailable("it is closed");
        throw error;
      } finally {
        runs.delete(run);
      }
    },
    async check() {},
    async close() {
      closing.abort();
      await Promise.allSettled(runs);
    },
  };
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
