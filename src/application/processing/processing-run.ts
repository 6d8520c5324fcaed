import type { ByteStream } from "../../domain/bytes.ts";
import { traceOf } from "../../domain/error-trace.ts";
import { type ErrorCode, isAbort, isStowageError, type StowageError } from "../../domain/errors.ts";
import { derivedFolder, derivedKey, type ObjectKey } from "../../domain/object-key.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { Extractor, TextFailure } from "../../domain/ports/extractor.ts";
import type { Hasher } from "../../domain/ports/hasher.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type { ProcessorOutput } from "../../domain/ports/processor.ts";
import type { Job } from "../../domain/ports/records.ts";
import type { ProcessingError, ProcessorResult } from "../../domain/upload.ts";
import { expectedFile, verified } from "../downloads/digest-gate.ts";
import type { FileStorage } from "../storages/file-storage.ts";
import type { MissingFiles } from "../uploads/missing-files.ts";

/** The processor that provides the text for the others. */
const TEXT_PROCESSOR = "text";

/** The failure of one processor in a run. */
export interface ProcessorFailure {
  readonly processor: string;
  readonly code: ErrorCode;
  /** For the log. Contains no document text. */
  readonly cause: unknown;
}

/** The limits of the extractor that a document can exceed. */
const LIMITS = ["memory", "cpu", "wall"];

/** The result of one run of a job. */
export type JobRun =
  | {
      readonly kind: "done";
      /** The first processor's failure, if any failed. */
      readonly error: ProcessingError | null;
      readonly results: readonly ProcessorResult[];
    }
  /** A temporary error. */
  | {
      readonly kind: "retry";
      readonly error: ProcessingError;
      /** Whether the document itself was processed. Only such attempts count. */
      readonly counts: boolean;
    }
  /** The signal was aborted: the job was lost, or the server is stopping. */
  | { readonly kind: "interrupted" };

interface ProcessingRunDeps {
  readonly extractor: Extractor;
  readonly missing: MissingFiles;
  readonly hasher: Hasher;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * One run of a job: runs its processors one after another and stores their texts. The name of a text is unique to the
 * run, so a run that lost its lease cannot overwrite the text of a later one.
 */
export class ProcessingRun {
  readonly #job: Job;
  readonly #storage: FileStorage;
  readonly #deps: ProcessingRunDeps;
  readonly #written: ObjectKey[] = [];
  readonly #failures: ProcessorFailure[] = [];

  constructor(job: Job, storage: FileStorage, deps: ProcessingRunDeps) {
    this.#job = job;
    this.#storage = storage;
    this.#deps = Object.freeze({ ...deps });
  }

  /** Run all requested processors. Never rejects because of a document or a processor. */
  async execute(maxAttempts: number, signal: AbortSignal): Promise<JobRun> {
    // The attempt is counted at the claim, because a crash in the last attempt leaves no other trace.
    const lastTry = this.#job.attempt >= maxAttempts;
    if (this.#job.attempt > maxAttempts) return this.#giveUp();
    const results: ProcessorResult[] = [];
    for (const name of this.#job.processors) {
      const result = await this.#runOne(name, textFailureOf(results), signal);
      if (result === null) return { kind: "interrupted" };
      if (result.error?.retryable === true) {
        const counts = wasTried(result.error);
        if (!counts || !lastTry) return { kind: "retry", error: result.error, counts };
      }
      results.push(result);
    }
    const failed = results.find((result) => result.error !== null);
    return { kind: "done", error: failed?.error ?? null, results };
  }

  /** The failures so far, in order. */
  get failures(): readonly ProcessorFailure[] {
    return this.#failures;
  }

  /** Remove the texts of this run, because its results do not count. */
  async discard(): Promise<void> {
    await this.#remove(this.#written);
  }

  /** Remove the texts that this run has replaced. */
  async discardOld(before: readonly ProcessorResult[]): Promise<void> {
    const replaced = before.filter(({ name }) => this.#job.processors.includes(name));
    await this.#remove(textKeysOf(replaced));
  }

  /**
   * Remove the texts that crashed runs left behind, complete or not.
   *
   * @param before The current results. Their texts stay.
   */
  async discardDead(before: readonly ProcessorResult[]): Promise<void> {
    const { tenant, id } = this.#job.upload;
    const folder = derivedFolder(tenant, id);
    const kept = new Set(textKeysOf(before));
    const dead: ObjectKey[] = [];
    try {
      await this.#storage.removeLeftovers({ folder });
      for await (const { key } of this.#storage.list(`${folder}/`)) {
        if (!kept.has(key)) dead.push(key);
      }
    } catch (error) {
      this.#keptLeftovers(error);
    }
    await this.#remove(dead);
  }

  /** @returns `null` if interrupted. */
  async #runOne(
    name: string,
    textFailure: TextFailure | undefined,
    signal: AbortSignal,
  ): Promise<ProcessorResult | null> {
    const startedAt = this.#deps.clock.now();
    const version =
      this.#deps.extractor.processors.find((known) => known.name === name)?.version ?? "";
    const facts = () => ({ name, version, durationMs: this.#deps.clock.now() - startedAt });
    try {
      const { output, text } = await this.#extract(name, textFailure, signal);
      const textKey = text === undefined ? null : await this.#keep(name, text, signal);
      return { ...facts(), status: "processed", output, textKey, error: null };
    } catch (error) {
      if (signal.aborted || isAbort(error)) return null;
      const reason = this.#toProcessingError(name, error);
      this.#failures.push({ processor: name, code: reason.code, cause: causeOf(error) });
      return { ...facts(), status: "failed", output: null, textKey: null, error: reason };
    }
  }

  async #extract(
    name: string,
    textFailure: TextFailure | undefined,
    signal: AbortSignal,
  ): Promise<ProcessorOutput> {
    const { upload } = this.#job;
    return await this.#deps.extractor.run({
      processor: name,
      contentType: upload.contentType,
      extension: /\.[A-Za-z0-9]{1,16}$/.exec(upload.filename)?.[0].toLowerCase() ?? "",
      sizeBytes: upload.sizeBytes ?? 0,
      textFailure,
      open: async (): Promise<ByteStream> => {
        const { stream } = await this.#deps.missing.track(upload, () =>
          this.#storage.retrieve(upload.key, { signal }),
        );
        return verified(stream, expectedFile(upload), this.#deps.hasher);
      },
      signal,
    });
  }

  /**
   * A long text is sent in parts, and the id of that multipart upload is not recorded. After a crash the parts are
   * removed by the next attempt, by the delete of the upload or by the sweep. Few texts are that long.
   */
  async #keep(name: string, text: string, signal: AbortSignal): Promise<ObjectKey> {
    const { tenant, id, revision } = this.#job.upload;
    // Every claim has its own revision, so two runs never write the same key.
    const key = derivedKey(tenant, id, `${name}-${revision}.txt`);
    this.#written.push(key);
    await this.#storage.save(
      key,
      { kind: "bytes", bytes: new TextEncoder().encode(text) },
      { declaredType: "text/plain", signal },
    );
    return key;
  }

  #toProcessingError(name: string, error: unknown): ProcessingError {
    if (isStowageError(error) && isProcessingCode(error)) {
      return { code: error.code, detail: error.message, retryable: error.retryable };
    }
    if (isStowageError(error, "object_corrupt")) {
      this.#storage.noteCorruption();
      const { id: uploadId, tenant: tenantId, storageId } = this.#job.upload;
      this.#deps.logger.error("processing.corrupt", { uploadId, tenantId, storageId });
      const detail = "The stored bytes failed verification";
      return { code: error.code, detail, retryable: false };
    }
    if (isStowageError(error)) {
      // A problem of the storage, not of the document. Its message is for operators.
      return {
        code: error.code,
        detail: "The storage of the file is unavailable",
        retryable: error.retryable,
      };
    }
    return {
      code: "processor_failed",
      detail: `Processor ${name} failed unexpectedly`,
      retryable: false,
    };
  }

  #giveUp(): JobRun {
    const last = this.#job.upload.processing.error;
    const error: ProcessingError = {
      code: last?.code ?? "extractor_crashed",
      detail:
        last?.detail ?? `Gave up after ${this.#job.attempt - 1} attempts: each of them crashed`,
      retryable: false,
    };
    for (const processor of this.#job.processors) {
      this.#failures.push({ processor, code: error.code, cause: null });
    }
    const results = this.#job.processors.map((name) => ({
      name,
      version: this.#deps.extractor.processors.find((known) => known.name === name)?.version ?? "",
      status: "failed" as const,
      output: null,
      textKey: null,
      error,
      durationMs: 0,
    }));
    return { kind: "done", error, results };
  }

  async #remove(keys: readonly ObjectKey[]): Promise<void> {
    if (keys.length === 0) return;
    try {
      await this.#storage.delete(keys);
    } catch (error) {
      this.#keptLeftovers(error);
    }
  }

  /** Continue all the same: the next run tries again, and deleting the upload empties the whole folder. */
  #keptLeftovers(error: unknown): void {
    this.#deps.logger.warn("processing.leftover_kept", { uploadId: this.#job.upload.id, error });
  }
}

/**
 * The part of an error for the log. Messages of `document_*` and `processor_failed` are left out, because they may
 * quote the document. Only `processor_failed` has stacks: it is a bug.
 */
function causeOf(error: unknown): unknown {
  if (!isStowageError(error)) return traceOf(error, { stacks: true });
  if (error.code === "processor_failed") return traceOf(error.cause, { stacks: true });
  if (!error.code.startsWith("document_")) return error;
  const limit = LIMITS.find((known) => known === error.data["limit"]);
  return limit === undefined ? traceOf(error.cause, { stacks: false }) : { limit };
}

function isProcessingCode(error: StowageError): boolean {
  return /^(document|extractor|processor)_/.test(error.code);
}

/** If the text processor failed on this document, the others get the same error instead of trying again. */
function textFailureOf(results: readonly ProcessorResult[]): TextFailure | undefined {
  const error = results.find(({ name }) => name === TEXT_PROCESSOR)?.error;
  return error?.code.startsWith("document_") ? error : undefined;
}

function textKeysOf(results: readonly ProcessorResult[]): ObjectKey[] {
  return results.flatMap(({ textKey }) => (textKey === null ? [] : [textKey]));
}

/** If the extractor did not start, or the storage was unavailable, the document itself was not processed. */
function wasTried(error: ProcessingError): boolean {
  return error.code !== "extractor_unavailable" && !error.code.startsWith("storage_");
}
