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

/** The processor whose text the others ask for. */
const TEXT_PROCESSOR = "text";

/** Why one processor failed in a run. */
export interface ProcessorFailure {
  readonly processor: string;
  readonly code: ErrorCode;
  /** For the log. Holds no document text. */
  readonly cause: unknown;
}

/** The limits that a document can exceed, as the extractor names them. */
const LIMITS = ["memory", "cpu", "wall"];

/** How one run of a job went. */
export type JobRun =
  | {
      readonly kind: "done";
      /** The first processor's failure, if any failed. */
      readonly error: ProcessingError | null;
      readonly results: readonly ProcessorResult[];
    }
  /** Something that may pass stood in the way. */
  | {
      readonly kind: "retry";
      readonly error: ProcessingError;
      /** Whether the document itself was tried: only then may it run out of tries. */
      readonly counts: boolean;
    }
  /** The signal was aborted: the job is lost, or the server stops. */
  | { readonly kind: "interrupted" };

/**
 * One run of one job: its processors in turn, their texts stored beside the upload. Texts are stored under
 * a name that is this run's own, so a run that was declared dead cannot overwrite a later one's.
 */
export class ProcessingRun {
  readonly #job: Job;
  readonly #storage: FileStorage;
  readonly #extractor: Extractor;
  readonly #missing: MissingFiles;
  readonly #hasher: Hasher;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #written: ObjectKey[] = [];
  readonly #failures: ProcessorFailure[] = [];

  constructor(
    job: Job,
    storage: FileStorage,
    parts: {
      readonly extractor: Extractor;
      readonly missing: MissingFiles;
      readonly hasher: Hasher;
      readonly clock: Clock;
      readonly logger: Logger;
    },
  ) {
    this.#job = job;
    this.#storage = storage;
    this.#extractor = parts.extractor;
    this.#missing = parts.missing;
    this.#hasher = parts.hasher;
    this.#clock = parts.clock;
    this.#logger = parts.logger;
  }

  /** Run every processor that was asked for. Never rejects for a document's or a processor's fault. */
  async execute(maxAttempts: number, signal: AbortSignal): Promise<JobRun> {
    // Counted when it was claimed: whoever died in the last allowed try has left no trace but this.
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

  /** The processors that have failed so far, in their order. */
  get failures(): readonly ProcessorFailure[] {
    return this.#failures;
  }

  /** Remove the texts of this run: its result does not count. */
  async discard(): Promise<void> {
    await this.#remove(this.#written);
  }

  /** Remove the texts that this run's results have replaced. */
  async discardOld(before: readonly ProcessorResult[]): Promise<void> {
    const replaced = before.filter(({ name }) => this.#job.processors.includes(name));
    await this.#remove(textKeysOf(replaced));
  }

  /**
   * Remove what earlier runs have left that died over it: halves of texts, and whole ones.
   *
   * @param before The results that count now: their texts stay.
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
    const startedAt = this.#clock.now();
    const version = this.#extractor.processors.find((known) => known.name === name)?.version ?? "";
    const facts = () => ({ name, version, durationMs: this.#clock.now() - startedAt });
    try {
      const { output, text } = await this.#extract(name, textFailure, signal);
      const textKey = text === undefined ? null : await this.#keep(name, text, signal);
      return { ...facts(), status: "processed", output, textKey, error: null };
    } catch (error) {
      if (signal.aborted || isAbort(error)) return null;
      const reason = this.#explain(name, error);
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
    return await this.#extractor.run({
      processor: name,
      contentType: upload.contentType,
      extension: /\.[A-Za-z0-9]{1,16}$/.exec(upload.filename)?.[0].toLowerCase() ?? "",
      sizeBytes: upload.sizeBytes ?? 0,
      textFailure,
      open: async (): Promise<ByteStream> => {
        const { stream } = await this.#missing.noting(upload, () =>
          this.#storage.retrieve(upload.key, { signal }),
        );
        return verified(stream, expectedFile(upload), this.#hasher);
      },
      signal,
    });
  }

  /**
   * A text longer than a part is sent in parts whose id nobody notes: whoever dies over it leaves them to
   * the next try, to the delete and to the sweep. Few texts are that long, and the job knows no place for an id.
   */
  async #keep(name: string, text: string, signal: AbortSignal): Promise<ObjectKey> {
    const { tenant, id, revision } = this.#job.upload;
    // Every claim has a revision of its own, so no two runs ever write the same key.
    const key = derivedKey(tenant, id, `${name}-${revision}.txt`);
    this.#written.push(key);
    await this.#storage.save(
      key,
      { kind: "bytes", bytes: new TextEncoder().encode(text) },
      { declaredType: "text/plain", signal },
    );
    return key;
  }

  #explain(name: string, error: unknown): ProcessingError {
    if (isStowageError(error) && isExplanation(error)) {
      return { code: error.code, detail: error.message, retryable: error.retryable };
    }
    if (isStowageError(error, "object_corrupt")) {
      this.#storage.noteCorruption();
      const { id: uploadId, tenant: tenantId, storageId } = this.#job.upload;
      this.#logger.error("processing.corrupt", { uploadId, tenantId, storageId });
      const detail = "The file in its storage is not the one that was stored";
      return { code: error.code, detail, retryable: false };
    }
    if (isStowageError(error)) {
      // The storage's trouble, not the document's; its message is an operator's.
      return {
        code: error.code,
        detail: "The storage of the file could not be used",
        retryable: error.retryable,
      };
    }
    return {
      code: "processor_failed",
      detail: `Processor ${name} failed in an unexpected way`,
      retryable: false,
    };
  }

  #giveUp(): JobRun {
    const last = this.#job.upload.processing.error;
    const error: ProcessingError = {
      code: last?.code ?? "extractor_crashed",
      detail:
        last?.detail ??
        `Gave up after ${this.#job.attempt - 1} attempts: none of them lived to tell its result`,
      retryable: false,
    };
    for (const processor of this.#job.processors) {
      this.#failures.push({ processor, code: error.code, cause: null });
    }
    const results = this.#job.processors.map((name) => ({
      name,
      version: this.#extractor.processors.find((known) => known.name === name)?.version ?? "",
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

  /** No reason not to go on: the next run looks again, and deleting the upload empties the whole folder. */
  #keptLeftovers(error: unknown): void {
    this.#logger.warn("processing.leftover_kept", { uploadId: this.#job.upload.id, error });
  }
}

/**
 * What the log shows of an error. For `document_*` and `processor_failed` it leaves out messages, because they may
 * quote the document. Only `processor_failed` has stacks: the others are not faults of code.
 */
function causeOf(error: unknown): unknown {
  if (!isStowageError(error)) return traceOf(error, { stacks: true });
  if (error.code === "processor_failed") return traceOf(error.cause, { stacks: true });
  if (!error.code.startsWith("document_")) return error;
  const limit = LIMITS.find((known) => known === error.data["limit"]);
  return limit === undefined ? traceOf(error.cause, { stacks: false }) : { limit };
}

function isExplanation(error: StowageError): boolean {
  return /^(document|extractor|processor)_/.test(error.code);
}

/** A document that has just cost all that it may is not to cost it again for each that asks for its text. */
function textFailureOf(results: readonly ProcessorResult[]): TextFailure | undefined {
  const error = results.find(({ name }) => name === TEXT_PROCESSOR)?.error;
  return error?.code.startsWith("document_") ? error : undefined;
}

function textKeysOf(results: readonly ProcessorResult[]): ObjectKey[] {
  return results.flatMap(({ textKey }) => (textKey === null ? [] : [textKey]));
}

/** A service that cannot start its extractor or reach its storage says nothing about the document. */
function wasTried(error: ProcessingError): boolean {
  return error.code !== "extractor_unavailable" && !error.code.startsWith("storage_");
}
