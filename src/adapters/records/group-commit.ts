import type { DatabaseSync } from "node:sqlite";
import { delay } from "../../domain/delay.ts";
import { StowageError } from "../../domain/errors.ts";
import type { RunQuery } from "./executor.ts";
import { backoff } from "./retry-while-busy.ts";
import { isBusy, toRecordsError } from "./sqlite-errors.ts";

/** Units in one transaction at most: it runs without a break, and nothing else does meanwhile. */
const MAX_GROUP = 128;

/** How long a unit waits at most, in milliseconds. */
export interface Waits {
  /** For company, when it may be expected. */
  readonly gatherMs: number;
  /** For another process to let go of the database. */
  readonly lockTimeoutMs: number;
}

interface Unit {
  readonly work: (run: RunQuery) => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: StowageError) => void;
  /** How long it has waited for somebody else's lock. */
  lockedMs: number;
}

/**
 * Lets units that arrive close together share one transaction, and so one fsync, with a savepoint each.
 *
 * A transaction runs from BEGIN to COMMIT without giving up the event loop, so whoever reads over the same
 * connection sees what was committed and nothing else. A lone unit goes at the next turn of the loop; only
 * when the last group was a crowd does the next one wait a little until it is one again.
 */
export class GroupCommit {
  readonly #database: DatabaseSync;
  readonly #run: RunQuery;
  readonly #waits: Waits;
  #queue: Unit[] = [];
  /** Size of the last group: as many are expected to come again. */
  #crowd = 1;
  #draining: Promise<void> | null = null;
  #onArrival: () => void = () => {};
  #closed = false;

  constructor(database: DatabaseSync, run: RunQuery, waits: Waits) {
    this.#database = database;
    this.#run = run;
    this.#waits = waits;
  }

  /** Do `work` in a savepoint of its own. Resolves once it is committed; rejects with a StowageError. */
  unit<Result>(work: (run: RunQuery) => Result): Promise<Result> {
    if (this.#closed) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      this.#queue.push({ work, resolve: resolve as Unit["resolve"], reject, lockedMs: 0 });
      this.#draining ??= this.#drain();
      this.#onArrival();
    });
  }

  /** Take no more units and wait for those that are there. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#draining;
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#queue.length < this.#crowd) await this.#gather();
      await this.#begin();
      // Taken only now: whoever came while the lock was awaited goes along.
      const group = this.#queue.splice(0, MAX_GROUP);
      if (group.length === 0) continue;
      this.#crowd = group.length;
      this.#commit(group);
    }
    this.#draining = null;
  }

  #gather(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#onArrival = () => {};
        resolve();
      };
      const timer = setTimeout(done, this.#waits.gatherMs);
      this.#onArrival = () => {
        if (this.#queue.length >= this.#crowd) done();
      };
    });
  }

  /** Open the transaction, or leave an empty queue behind: everybody in it has been told why. */
  async #begin(): Promise<void> {
    for (let delayMs = 1; ; delayMs = backoff(delayMs)) {
      if (this.#queue.length === 0) return;
      try {
        this.#database.exec("BEGIN IMMEDIATE");
        return;
      } catch (error) {
        const patient = isBusy(error)
          ? this.#queue.filter((unit) => unit.lockedMs < this.#waits.lockTimeoutMs)
          : [];
        for (const unit of this.#queue)
          if (!patient.includes(unit)) unit.reject(toRecordsError(error));
        this.#queue = patient;
      }
      for (const unit of this.#queue) unit.lockedMs += delayMs;
      await delay(delayMs);
    }
  }

  #commit(group: readonly Unit[]): void {
    const done: (readonly [Unit, unknown])[] = [];
    try {
      for (const unit of group) {
        const outcome = this.#attempt(unit);
        if (outcome !== null) done.push([unit, outcome.result]);
      }
      this.#database.exec("COMMIT");
    } catch (error) {
      this.#rollBack();
      // To reject one that has failed by itself already changes nothing.
      for (const unit of group) unit.reject(toRecordsError(error));
      return;
    }
    for (const [unit, result] of done) unit.resolve(result);
  }

  /** @returns `null` if the unit failed alone. @throws If the whole transaction is lost. */
  #attempt(unit: Unit): { readonly result: unknown } | null {
    this.#database.exec("SAVEPOINT unit");
    try {
      const result = unit.work(this.#run);
      this.#database.exec("RELEASE unit");
      return { result };
    } catch (error) {
      try {
        this.#database.exec("ROLLBACK TO unit; RELEASE unit");
      } catch {
        // A full or failing disk may have rolled everything back, savepoints and all.
        throw error;
      }
      unit.reject(toRecordsError(error));
      return null;
    }
  }

  #rollBack(): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // Already rolled back by SQLite itself.
    }
  }
}

/** What a caller is told that comes after `close`. */
function closed(): StowageError {
  return new StowageError("records_unavailable", "Cannot reach records: they are closed", {
    retryable: true,
  });
}
