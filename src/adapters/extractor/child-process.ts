import { StowageError } from "../../domain/errors.ts";
import type { Extraction, Extractor } from "../../domain/ports/extractor.ts";
import type { ProcessorInfo, ProcessorOutput } from "../../domain/ports/processor.ts";
import { Semaphore } from "../../domain/semaphore.ts";
import { createCanary } from "./canary.ts";
import { Child, type ChildOptions } from "./child.ts";
import { abandoned, unavailable } from "./exit-reasons.ts";
import { type ExtractionLimits, limitsWith } from "./limits.ts";

export interface ChildExtractorOptions extends Omit<ChildOptions, "limits"> {
  /** Changes to the defaults: see `limitsWith`. */
  readonly limits?: Partial<ExtractionLimits>;
  /** The maximum number of processes, each with one document. */
  readonly concurrency: number;
  /**
   * After how many documents a process is replaced. Within a process, a document may leave something behind
   * for the next one. 1 separates all documents, at the cost of a start each. Default 500.
   */
  readonly documentsPerProcess?: number;
  /** How long an idle process waits for its next document before it is ended. Default 30 s. */
  readonly idleMs?: number;
}

/**
 * Run processors in separate processes, with limits on memory, CPU and time.
 *
 * A process starts with the first document that needs one. It is reused until it is worn, idle or broken.
 */
export function createChildExtractor(options: ChildExtractorOptions): Extractor {
  return new ChildExtractor({ ...options, limits: limitsWith(options.limits) });
}

type CompleteOptions = ChildExtractorOptions & Pick<ChildOptions, "limits">;

class ChildExtractor implements Extractor {
  readonly processors: readonly ProcessorInfo[];
  readonly concurrency: number;
  readonly #options: CompleteOptions;
  readonly #semaphore: Semaphore;
  /** Processes without a document, each with its idle timer. The last one used is taken first. */
  readonly #idle = new Map<Child, ReturnType<typeof setTimeout>>();
  readonly #closing = new AbortController();
  /** Every run, so that `close` can wait for the ones it aborts. */
  readonly #runs = new Set<Promise<unknown>>();
  readonly #ending = new Set<Promise<unknown>>();
  readonly #canary: ReturnType<typeof createCanary>;

  constructor(options: CompleteOptions) {
    this.#options = options;
    this.processors = options.processors;
    this.concurrency = options.concurrency;
    this.#semaphore = new Semaphore(options.concurrency);
    this.#canary = createCanary(this, options.clock);
  }

  async run(extraction: Extraction): Promise<ProcessorOutput> {
    const { processor } = extraction;
    if (!this.processors.some(({ name }) => name === processor)) {
      throw new StowageError(
        "processor_missing",
        `Cannot process document: there is no processor ${processor}`,
      );
    }
    const signal = AbortSignal.any([extraction.signal, this.#closing.signal]);
    const run = this.#runOne({ ...extraction, open: () => extraction.open(), signal });
    this.#runs.add(run);
    try {
      return await run;
    } catch (error) {
      if (this.#closing.signal.aborted && !extraction.signal.aborted)
        throw unavailable("it is closed");
      if (extraction.signal.aborted) throw abandoned();
      if (error instanceof StowageError && error.code === "extractor_unavailable") {
        this.#canary.forget();
      }
      throw error;
    } finally {
      this.#runs.delete(run);
    }
  }

  check(): Promise<void> {
    return this.#canary.check();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const child of this.#idle.keys()) this.#discard(child);
    await Promise.allSettled(this.#runs);
    await Promise.all(this.#ending);
  }

  async #runOne(extraction: Extraction): Promise<ProcessorOutput> {
    const release = await this.#semaphore.acquire(extraction.signal);
    try {
      const child = this.#takeIdle() ?? (await Child.start(this.#options, extraction.signal));
      try {
        return await child.run(extraction, await extraction.open());
      } finally {
        this.#putBack(child);
      }
    } finally {
      release();
    }
  }

  #takeIdle(): Child | undefined {
    const child = [...this.#idle.keys()].findLast(({ broken }) => !broken);
    if (child !== undefined) this.#forget(child);
    return child;
  }

  #putBack(child: Child): void {
    const { documentsPerProcess = 500, idleMs = 30_000 } = this.#options;
    const used = child.worn || child.documents >= documentsPerProcess;
    if (used || child.broken || this.#closing.signal.aborted) {
      this.#discard(child);
      return;
    }
    this.#idle.set(
      child,
      setTimeout(() => this.#discard(child), idleMs),
    );
  }

  #discard(child: Child): void {
    this.#forget(child);
    child.kill();
    this.#ending.add(child.ended);
    void child.ended.then(() => this.#ending.delete(child.ended));
  }

  #forget(child: Child): void {
    clearTimeout(this.#idle.get(child));
    this.#idle.delete(child);
  }
}
