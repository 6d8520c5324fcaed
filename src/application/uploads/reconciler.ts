import { isStowageError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type { UploadRecords } from "../../domain/ports/records.ts";
import type { Tombstone } from "../../domain/ports/upkeep-records.ts";
import type { Upload } from "../../domain/upload.ts";
import type { Storages } from "../storages/storages.ts";
import { eraseBytes, eraseLate, isLookDue, LATE_WRITER_MS, tombstoneOf } from "./erase.ts";
import type { MissingFiles } from "./missing-files.ts";

/** So many abandoned uploads are cleaned up before the next are asked for. */
const BATCH = 100;
/** So many keys are watched with one question, and on S3 with one request. */
const TOMBSTONES = 1000;

/** How many missing files are looked for at the start. */
const MISSING_FILES = 1000;

/** How often writes are looked for that no reservation and no job knows. */
const SWEEP_EVERY_MS = 60 * 60 * 1000;

export interface ReconcileReport {
  /** Uploads that were abandoned, or half deleted: their bytes and rows were removed. */
  readonly removed: number;
  /** Uploads whose time was over, likewise. */
  readonly expired: number;
  /** Uploads that could not be removed now. */
  readonly deferred: number;
  /** Temp files and parts that no reservation and no job knew. */
  readonly leftovers: number;
}

interface ReconcilerDeps {
  readonly records: UploadRecords;
  readonly storages: Storages;
  readonly missing: MissingFiles;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A delete that is older than this was interrupted: its own request is over. */
  readonly deleteGraceMs: number;
}

/**
 * Brings storage and records back together after whatever happened: removes what expired reservations and
 * interrupted deletes have left and what has expired, and keeps an eye on keys that a late writer may still
 * write.
 */
export class Reconciler {
  readonly #deps: ReconcilerDeps;
  #running: Promise<ReconcileReport> | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** When the tombstones of a storage were last looked at. */
  readonly #watchedAt = new Map<string, number>();
  /** Storages whose missing files were already looked for. */
  readonly #lookedAgain = new Set<string>();
  /** When the leftovers of a storage are next looked for. */
  readonly #sweepAt = new Map<string, number>();

  constructor(deps: ReconcilerDeps) {
    this.#deps = Object.freeze({ ...deps });
  }

  /** Run now, then every `intervalMs`. */
  start(intervalMs: number): void {
    const runQuietly = (): void => {
      this.run().catch((error) => this.#deps.logger.warn("reconciler.failed", { error }));
    };
    runQuietly();
    this.#timer = setInterval(runQuietly, intervalMs);
  }

  /** Stop the timer and wait for a run that is under way. */
  async stop(): Promise<void> {
    if (this.#timer !== undefined) clearInterval(this.#timer);
    await this.#running?.catch(() => {});
  }

  /** One run; calls while it runs share it. */
  async run(): Promise<ReconcileReport> {
    this.#running ??= this.#reconcile().finally(() => {
      this.#running = null;
    });
    return await this.#running;
  }

  async #reconcile(): Promise<ReconcileReport> {
    const abandoned = await this.#removeAll(() =>
      this.#deps.records.collectAbandoned(BATCH, this.#deps.deleteGraceMs, this.#deps.storages.ids),
    );
    const expired = await this.#removeAll(() =>
      this.#deps.records.collectExpired(BATCH, this.#deps.storages.ids),
    );
    await this.#deps.records.dropIdempotencyRecords();
    await this.#watchTombstones();
    await this.#lookForMissing();
    const leftovers = await this.#sweep();
    const report = {
      removed: abandoned.removed,
      expired: expired.removed,
      deferred: abandoned.deferred + expired.deferred,
      leftovers,
    };
    if (Object.values(report).some((count) => count > 0)) {
      this.#deps.logger.info("reconciler.finished", report);
    }
    return report;
  }

  /** Erase what `collect` gives, until it gives no more or nothing of it can be erased. */
  async #removeAll(
    collect: () => Promise<readonly Upload[]>,
  ): Promise<{ readonly removed: number; readonly deferred: number }> {
    let removed = 0;
    let deferred = 0;
    for (;;) {
      const batch = await collect();
      let progress = 0;
      for (const upload of batch) {
        try {
          const now = this.#deps.clock.now();
          await eraseBytes(this.#deps.storages.byId(upload.storageId), upload, now);
          await this.#deps.records.finishDelete(upload, tombstoneOf(upload, now));
          progress += 1;
        } catch (error) {
          deferred += 1;
          this.#deps.logger.warn("reconciler.deferred", { uploadId: upload.id, error });
        }
      }
      removed += progress;
      // A batch without progress would come back the same: leave it to the next run.
      if (batch.length < BATCH || progress === 0) return { removed, deferred };
    }
  }

  /** Remove what a writer that woke up late has put under a key that was given up. */
  async #watchTombstones(): Promise<void> {
    for (const storage of this.#deps.storages.all) {
      const now = this.#deps.clock.now();
      const before = this.#watchedAt.get(storage.id) ?? Number.NEGATIVE_INFINITY;
      try {
        let last: Tombstone | undefined;
        do {
          const page = await this.#deps.records.tombstones(storage.id, TOMBSTONES, last);
          await eraseLate(
            storage,
            page.filter((tombstone) => isLookDue(tombstone, before, now)),
          );
          last = page.length < TOMBSTONES ? undefined : page.at(-1);
        } while (last !== undefined);
        // None runs out unseen: only those that this run has looked at.
        await this.#deps.records.dropTombstones(storage.id, now);
        this.#watchedAt.set(storage.id, now);
      } catch (error) {
        this.#deps.logger.warn("reconciler.tombstones_deferred", { storageId: storage.id, error });
      }
    }
  }

  /** Once for each storage, as soon as it can be reached: files may have been restored while no server ran. */
  async #lookForMissing(): Promise<void> {
    for (const storage of this.#deps.storages.all.filter(({ id }) => !this.#lookedAgain.has(id))) {
      try {
        await this.#deps.missing.lookAgain(storage, MISSING_FILES);
        this.#lookedAgain.add(storage.id);
      } catch (error) {
        if (!isStowageError(error)) throw error;
        this.#deps.logger.warn("reconciler.missing_deferred", { storageId: storage.id, error });
      }
    }
  }

  /** At the start, again once leftovers of a crash just before the start count as dead, then every hour. */
  async #sweep(): Promise<number> {
    let leftovers = 0;
    for (const storage of this.#deps.storages.all) {
      const { deadAfterMs = LATE_WRITER_MS } = storage;
      const now = this.#deps.clock.now();
      const dueAt = this.#sweepAt.get(storage.id);
      if (dueAt !== undefined && now < dueAt) continue;
      const pauseMs = dueAt === undefined ? Math.min(deadAfterMs, SWEEP_EVERY_MS) : SWEEP_EVERY_MS;
      this.#sweepAt.set(storage.id, now + pauseMs);
      try {
        leftovers += await storage.removeLeftovers({ before: now - deadAfterMs });
      } catch (error) {
        if (!isStowageError(error)) throw error;
        this.#deps.logger.warn("reconciler.sweep_deferred", { storageId: storage.id, error });
      }
    }
    return leftovers;
  }
}
