import { waitFor } from "../../domain/delay.ts";
import { StowageError } from "../../domain/errors.ts";
import type { Extraction, Extractor } from "../../domain/ports/extractor.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type { Processor, ProcessorOutput } from "../../domain/ports/processor.ts";
import { Semaphore } from "../../domain/semaphore.ts";
import { abandoned, limitExceeded, unavailable } from "./exit-reasons.ts";
import { DEFAULT_LIMITS, type ExtractionLimits } from "./limits.ts";
import type { TextFinder } from "./one-document.ts";
import { knownFailure, runProcessor, textFinder } from "./run-processor.ts";
import { WorkTimer } from "./work-timer.ts";

export interface InProcessExtractorOptions {
  readonly processors: readonly Processor[];
  readonly concurrency: number;
  readonly logger: Logger;
  /** Changes to {@link DEFAULT_LIMITS}. Other limits do not apply in-process. */
  readonly limits?: Partial<Pick<ExtractionLimits, "wallMs" | "maxTextBytes">>;
  /** Finds the text that a processor asks for. Default: the processor `text` of this list. */
  readonly findText?: (extraction: Extraction) => Promise<string>;
}

/**
 * Run processors in this process: for hosts without processes, for processors that an application trusts, and
 * for tests.
 *
 * Only time and text are limited. A document that uses up all memory crashes the service, and a run that was
 * aborted or took too long continues in the background until its processor checks the signal.
 */
export class InProcessExtractor implements Extractor {
  readonly processors: readonly Processor[];
  readonly concurrency: number;
  readonly #options: InProcessExtractorOptions;
  readonly #limits: ExtractionLimits;
  readonly #semaphore: Semaphore;
  readonly #closing = new AbortController();
  readonly #runs = new Set<Promise<unknown>>();

  constructor(options: InProcessExtractorOptions) {
    this.processors = options.processors;
    this.concurrency = options.concurrency;
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#semaphore = new Semaphore(options.concurrency);
  }

  async run(extraction: Extraction): Promise<ProcessorOutput> {
    const processor = this.processors.find(({ name }) => name === extraction.processor);
    if (processor === undefined) {
      throw new StowageError(
        "processor_missing",
        `Cannot process document: there is no processor ${extraction.processor}`,
      );
    }
    const caller = AbortSignal.any([extraction.signal, this.#closing.signal]);
    const run = this.#runOne(processor, extraction, caller);
    this.#runs.add(run);
    try {
      return await run;
    } catch (error) {
      if (extraction.signal.aborted) throw abandoned();
      if (this.#closing.signal.aborted) throw unavailable("it is closed");
      throw error;
    } finally {
      this.#runs.delete(run);
    }
  }

  async check(): Promise<void> {}

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#runs);
  }

  async #runOne(
    processor: Processor,
    extraction: Extraction,
    caller: AbortSignal,
  ): Promise<ProcessorOutput> {
    const { logger } = this.#options;
    const { maxTextBytes, wallMs } = this.#limits;
    const release = await this.#semaphore.acquire(caller);
    const late = new AbortController();
    const signal = AbortSignal.any([caller, late.signal]);
    try {
      const stream = await extraction.open();
      const timer = new WorkTimer(wallMs, () => late.abort(limitExceeded("wall", this.#limits)));
      const context = { signal, logger, maxTextBytes };
      const findText =
        this.#finderElsewhere(extraction, signal, timer) ??
        textFinder(textOf(this.processors), context);
      const document = timer.reading(stream);
      const running = runProcessor(processor, extraction, document, context, findText);
      const abortError = () => signal.reason;
      return await waitFor(running, { signal, abortError }).finally(() => timer.stop());
    } finally {
      release();
    }
  }

  /** Where the text comes from, if not from a processor of this list. */
  #finderElsewhere(
    extraction: Extraction,
    signal: AbortSignal,
    timer: WorkTimer,
  ): TextFinder | undefined {
    if (extraction.textFailure) return knownFailure(extraction.textFailure);
    const { findText } = this.#options;
    if (findText === undefined) return undefined;
    return (facts, stream) =>
      timer.without(findText({ ...extraction, ...facts, signal, open: async () => stream }));
  }
}

function textOf(processors: readonly Processor[]): Processor | undefined {
  return processors.find(({ name }) => name === "text");
}
