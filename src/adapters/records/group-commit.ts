import type { DatabaseSync } from "node:sqlite";
import { delay } from "../../domain/delay.ts";
import { StowageError } from "../../domain/errors.ts";
import type { RunQuery } from "./executor.ts";
import { backoff } from "./retry-while-busy.ts";
import { isBusy, toRecordsError } from "./sqlite-errors.ts";

/** The most units in one transaction. It blocks the event loop until it is done. */
const MAX_GROUP = 128;

/** The longest waits of a unit, in milliseconds. */
export interface Waits {
  /** For other units, if they can be expected. */
  readonly gatherMs: number;
  /** For the lock of another process. */
  readonly lockTimeoutMs: number;
}

interface Unit {
  readonly work: (run: RunQuery) => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: StowageError) => void;
  /** How long it has waited for the lock of another process. */
  lockedMs: number;
}

interface GroupCommitDeps {
  readonly database: DatabaseSync;
  /** Runs a query of a unit. */
  readonly run: RunQuery;
  readonly waits: Waits;
}

/**
 * Runs units that arrive close together in one transaction, and so with one fsync. Each has its own savepoint.
 *
 * A transaction blocks the event loop from BEGIN to COMMIT, so readers on the same connection see only committed data. A
 * single unit starts at the next turn of the event loop. Only if the last group was larger, the next one waits a little
 * for as many units.
 */
export class GroupCommit {
  readonly #deps: GroupCommitDeps;
  #queue: Unit[] = [];
  /** Size of the last group: as many units are expected again. */
  #expected = 1;
  #draining: Promise<void> | null = null;
  #onArrival: () => void = () => {};
  #closed = false;

  constructor(deps: GroupCommitDeps) {
    this.#deps = Object.freeze({ ...deps });
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

  /** Refuse new units and wait for the queued ones. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#draining;
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#queue.length < this.#expected) await this.#gather();
      await this.#begin();
      // Taken only now, to include units that arrived during the wait for the lock.
      const group = this.#queue.splice(0, MAX_GROUP);
      if (group.length === 0) continue;
      this.#expected = group.length;
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
      const timer = setTimeout(done, this.#deps.waits.gatherMs);
      this.#onArrival = () => {
        if (this.#queue.length >= this.#expected) done();
      };
    });
  }

  /** Open the transaction. If that fails for good, all units are rejected and the queue is empty. */
  async #begin(): Promise<void> {
    for (let delayMs = 1; ; delayMs = backoff(delayMs)) {
      if (this.#queue.length === 0) return;
      try {
        this.#deps.database.exec("BEGIN IMMEDIATE");
        return;
      } catch (error) {
        this.#rejectQueued(error);
      }
      for (const unit of this.#queue) unit.lockedMs += delayMs;
      await delay(delayMs);
    }
  }

  /** Reject the queued units, except those that may still wait for the lock of another process. */
  #rejectQueued(error: unknown): void {
    const { lockTimeoutMs } = this.#deps.waits;
    const mayWait = ({ lockedMs }: Unit) => isBusy(error) && lockedMs < lockTimeoutMs;
    const rejected = this.#queue.filter((unit) => !mayWait(unit));
    this.#queue = this.#queue.filter(mayWait);
    for (const unit of rejected) unit.reject(toRecordsError(error));
  }

  #commit(group: readonly Unit[]): void {
    const done: (readonly [Unit, unknown])[] = [];
    try {
      for (const unit of group) {
        const outcome = this.#attempt(unit);
        if (outcome !== null) done.push([unit, outcome.result]);
      }
      this.#deps.database.exec("COMMIT");
    } catch (error) {
      this.#rollBack();
      // Rejecting a unit that was rejected already has no effect.
      for (const unit of group) unit.reject(toRecordsError(error));
      return;
    }
    for (const [unit, result] of done) unit.resolve(result);
  }

  /** @returns `null` if the unit failed alone. @throws If the whole transaction is lost. */
  #attempt(unit: Unit): { readonly result: unknown } | null {
    this.#deps.database.exec("SAVEPOINT unit");
    try {
      const result = unit.work(this.#deps.run);
      this.#deps.database.exec("RELEASE unit");
      return { result };
    } catch (error) {
      try {
        this.#deps.database.exec("ROLLBACK TO unit; RELEASE unit");
      } catch {
        // On a full or failing disk, SQLite may have rolled back the whole transaction.
        throw error;
      }
      unit.reject(toRecordsError(error));
      return null;
    }
  }

  #rollBack(): void {
    try {
      this.#deps.database.exec("ROLLBACK");
    } catch {
      // Already rolled back by SQLite itself.
    }
  }
}

/** The error for calls after `close`. */
function closed(): StowageError {
  return new StowageError("records_unavailable", "Cannot reach records: they are closed", {
    retryable: true,
  });
}
