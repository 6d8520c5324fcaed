import { isStowageError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type { UploadRecords } from "../../domain/ports/records.ts";
import type { Tombstone } from "../../domain/ports/upkeep-records.ts";
import type { Upload } from "../../domain/upload.ts";
import type { Storages } from "../storages/storages.ts";
import { eraseBytes, eraseLate, isCheckDue, LATE_WRITER_MS, tombstoneOf } from "./erase.ts";
import type { MissingFiles } from "./missing-files.ts";

/** Abandoned uploads per query. */
const BATCH = 100;
/** Tombstones per query. */
const TOMBSTONES = 1000;

/** How many missing files are checked at start-up. */
const MISSING_FILES = 1000;

/** How often to look for leftovers without a reservation or a job. */
const SWEEP_EVERY_MS = 60 * 60 * 1000;

export interface ReconcileReport {
  /** Abandoned or half-deleted uploads that were removed. */
  readonly removed: number;
  /** Expired uploads that were removed. */
  readonly expired: number;
  /** Uploads that could not be removed now. */
  readonly deferred: number;
  /** Removed temp files and parts without a reservation or a job. */
  readonly leftovers: number;
}

interface ReconcilerDeps {
  readonly records: UploadRecords;
  readonly storages: Storages;
  readonly missing: MissingFiles;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A delete older than this was interrupted. */
  readonly deleteGraceMs: number;
}

/**
 * Keeps storages and records consistent: removes expired uploads and what expired reservations and interrupted deletes
 * left behind, and watches keys that a late writer may still write.
 */
export class Reconciler {
  readonly #deps: ReconcilerDeps;
  #running: Promise<ReconcileReport> | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** When the tombstones of a storage were last checked. */
  readonly #watchedAt = new Map<string, number>();
  /** Storages whose missing files were checked. */
  readonly #rechecked = new Set<string>();
  /** When the next sweep of a storage is due. */
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

  /** Stop the timer and wait for the current run. */
  async stop(): Promise<void> {
    if (this.#timer !== undefined) clearInterval(this.#timer);
    await this.#running?.catch(() => {});
  }

  /** Run once. Concurrent calls share the run. */
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
    await this.#recheckMissing();
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

  /** Erase the uploads of `collect` until there are no more, or none can be erased. */
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
      // Without progress the same batch would return: leave it to the next run.
      if (batch.length < BATCH || progress === 0) return { removed, deferred };
    }
  }

  /** Remove what a late writer stored under an abandoned key. */
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
            page.filter((tombstone) => isCheckDue(tombstone, before, now)),
          );
          last = page.length < TOMBSTONES ? undefined : page.at(-1);
        } while (last !== undefined);
        // Only tombstones that this run has checked.
        await this.#deps.records.dropTombstones(storage.id, now);
        this.#watchedAt.set(storage.id, now);
      } catch (error) {
        this.#deps.logger.warn("reconciler.tombstones_deferred", { storageId: storage.id, error });
      }
    }
  }

  /** Once per storage, when it is reachable: files may have been restored while no server was running. */
  async #recheckMissing(): Promise<void> {
    for (const storage of this.#deps.storages.all.filter(({ id }) => !this.#rechecked.has(id))) {
      try {
        await this.#deps.missing.recheck(storage, MISSING_FILES);
        this.#rechecked.add(storage.id);
      } catch (error) {
        if (!isStowageError(error)) throw error;
        this.#deps.logger.warn("reconciler.missing_deferred", { storageId: storage.id, error });
      }
    }
  }

  /** At start-up, again when the leftovers of a crash just before count as dead, then every hour. */
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
