import type { Clock, RandomSource } from "../../domain/ports/clock.ts";
import type { Extractor } from "../../domain/ports/extractor.ts";
import type { Hasher } from "../../domain/ports/hasher.ts";
import type { JobQueue } from "../../domain/ports/job-queue.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type { Job, UploadRecords } from "../../domain/ports/records.ts";
import type { ProcessingError, ProcessorResult } from "../../domain/upload.ts";
import { newUploadId } from "../../domain/upload-id.ts";
import type { Storages } from "../storages/storages.ts";
import type { MissingFiles } from "../uploads/missing-files.ts";
import { type JobRun, ProcessingRun } from "./processing-run.ts";

export interface ProcessingPolicy {
  /** Attempts before a job fails. */
  readonly maxAttempts: number;
  /** How long a claim lasts without a renewal. */
  readonly leaseMs: number;
  /** How often to look for jobs that other processes queued. */
  readonly pollMs: number;
}

/**
 * How a run ended, for the log. `retry`: the job waits for its next attempt. `interrupted`: it was handed back.
 * `lost`: another worker has the job, or the upload was deleted; the results of this run do not count.
 */
type Outcome = "processed" | "failed" | "retry" | "interrupted" | "lost";

/** The longest wait before the first retry. It doubles with each retry. */
const BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 5 * 60_000;

interface ProcessingWorkerDeps {
  readonly records: UploadRecords;
  readonly storages: Storages;
  readonly missing: MissingFiles;
  readonly extractor: Extractor;
  readonly queue: JobQueue;
  readonly hasher: Hasher;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logger: Logger;
  readonly policy: ProcessingPolicy;
}

/**
 * Takes jobs from the records and runs them, several at once.
 *
 * The records are the truth. A job is claimed by compare-and-set under a lease, which is renewed while the job runs,
 * and its result is written only if the claim still holds. If a worker is killed, its lease ends and another worker
 * takes the job.
 */
export class ProcessingWorker {
  readonly #deps: ProcessingWorkerDeps;
  readonly #running = new Map<Promise<void>, AbortController>();
  #filling: Promise<void> | null = null;
  #again = false;
  #stopped = true;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #unsubscribe: () => void = () => {};

  constructor(deps: ProcessingWorkerDeps) {
    this.#deps = Object.freeze({ ...deps });
  }

  /** Start to claim jobs. */
  start(): void {
    this.#stopped = false;
    this.#unsubscribe = this.#deps.queue.onWake(() => this.#fill());
    this.#fill();
  }

  /** Claim no more jobs, and stop and hand back the running ones. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unsubscribe();
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    await this.#filling;
    for (const abort of this.#running.values()) abort.abort();
    await Promise.all(this.#running.keys());
  }

  /** Resolves when no job is running or being claimed here. */
  async idle(): Promise<void> {
    while (this.#filling !== null || this.#running.size > 0) {
      await this.#filling;
      // Promise.race() of an empty list never settles.
      if (this.#running.size > 0) await Promise.race(this.#running.keys());
    }
  }

  /** Claim jobs until the worker is full or nothing is due. A call meanwhile makes it look once more. */
  #fill(): void {
    if (this.#stopped) return;
    if (this.#filling !== null) {
      this.#again = true;
      return;
    }
    this.#filling = this.#claimAll().finally(() => {
      this.#filling = null;
      if (!this.#again) return;
      this.#again = false;
      this.#fill();
    });
  }

  async #claimAll(): Promise<void> {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    let nextInMs = this.#deps.policy.pollMs;
    try {
      while (!this.#stopped && this.#running.size < this.#deps.extractor.concurrency) {
        const token = newUploadId(this.#deps.clock.now(), this.#deps.random);
        const leaseUntil = this.#deps.clock.now() + this.#deps.policy.leaseMs;
        const job = await this.#deps.records.claim(token, leaseUntil, this.#deps.storages.ids);
        if (job === null) {
          const nextAt = await this.#deps.records.nextJobAt(this.#deps.storages.ids);
          if (nextAt !== null) {
            nextInMs = Math.min(nextInMs, Math.max(10, nextAt - this.#deps.clock.now()));
          }
          break;
        }
        this.#begin(job);
      }
    } catch (error) {
      this.#deps.logger.warn("processing.claim_failed", { error });
    }
    if (!this.#stopped) this.#timer = setTimeout(() => this.#fill(), nextInMs);
  }

  #begin(job: Job): void {
    const abort = new AbortController();
    const done: Promise<void> = this.#process(job, abort)
      .catch((error) =>
        // The lease ends, and the job is claimed again.
        this.#deps.logger.warn("processing.job_left", { uploadId: job.upload.id, error }),
      )
      .finally(() => {
        this.#running.delete(done);
        this.#fill();
      });
    this.#running.set(done, abort);
  }

  async #process(job: Job, abort: AbortController): Promise<void> {
    const startedAt = this.#deps.clock.now();
    const renewal = setInterval(() => this.#renew(job, abort), this.#deps.policy.leaseMs / 3);
    try {
      const storage = this.#deps.storages.byId(job.upload.storageId);
      const run = new ProcessingRun(job, storage, this.#deps);
      const before = await this.#deps.records.results(job.upload.tenant, job.upload.id);
      if (job.attempt > 1 || before.length > 0) await run.discardDead(before);
      const result = await run.execute(this.#deps.policy.maxAttempts, abort.signal);
      const { outcome, error } = await this.#settle(job, run, result, before, abort.signal);
      const facts = {
        uploadId: job.upload.id,
        tenantId: job.upload.tenant,
        attempt: job.attempt,
        outcome,
      };
      if (outcome === "failed" || outcome === "retry") {
        for (const { processor, code, cause } of run.failures) {
          this.#deps.logger.warn("processing.failed", { ...facts, processor, code, cause });
        }
      }
      this.#deps.logger.info("processing.finished", {
        ...facts,
        errorCode: error?.code ?? null,
        durationMs: this.#deps.clock.now() - startedAt,
      });
    } finally {
      clearInterval(renewal);
    }
  }

  /** Record the result of a run. */
  async #settle(
    job: Job,
    run: ProcessingRun,
    result: JobRun,
    before: readonly ProcessorResult[],
    signal: AbortSignal,
  ): Promise<{ readonly outcome: Outcome; readonly error: ProcessingError | null }> {
    if (result.kind === "interrupted" || (result.kind === "retry" && signal.aborted)) {
      await run.discard();
      // Lost, or shutting down. Handing back a lost job changes nothing.
      await this.#deps.records.handBackJob(job);
      return { outcome: "interrupted", error: null };
    }
    if (result.kind === "retry") {
      await run.discard();
      const { error, counts } = result;
      const backoffMs = counts ? this.#backoffMs(job.attempt) : this.#deps.policy.pollMs;
      const runAfter = this.#deps.clock.now() + backoffMs;
      const ours = await this.#deps.records.retryJob(job, runAfter, error, counts);
      return { outcome: ours ? "retry" : "lost", error };
    }
    const error = result.error ?? this.#failureBefore(job, before);
    const status = error === null ? "processed" : "failed";
    const { results } = result;
    const finished = await this.#deps.records.finishJob(job, { status, error, results });
    if (finished === null) await run.discard();
    else await run.discardOld(before);
    return { outcome: finished === null ? "lost" : status, error };
  }

  /**
   * The failure of a processor that this run did not include. A failure of a processor that no longer exists does not
   * count, because it could never be fixed.
   */
  #failureBefore(job: Job, before: readonly ProcessorResult[]): ProcessingError | null {
    const known = new Set(this.#deps.extractor.processors.map(({ name }) => name));
    const others = before.filter(({ name }) => known.has(name) && !job.processors.includes(name));
    return others.find(({ error }) => error !== null)?.error ?? null;
  }

  #renew(job: Job, abort: AbortController): void {
    this.#deps.records.renewJob(job, this.#deps.clock.now() + this.#deps.policy.leaseMs).then(
      (ours) => {
        if (!ours) abort.abort();
      },
      // The database is unavailable. The next renewal may succeed; otherwise the fence refuses the result.
      () => {},
    );
  }

  /** Full jitter, so that many jobs are not retried at the same moment. */
  #backoffMs(attempt: number): number {
    const ceiling = Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** (attempt - 1));
    const [byte = 0] = this.#deps.random(new Uint8Array(1));
    return Math.round((ceiling * (byte + 1)) / 256);
  }
}
