import type { CompiledQuery } from "kysely";

/** The rows of each query of a batch, in its order. */
export type RowsOf<Queries extends readonly CompiledQuery[]> = {
  readonly [Index in keyof Queries]: Queries[Index] extends CompiledQuery<infer Row>
    ? readonly Row[]
    : never;
};

/**
 * A database that speaks SQLite's SQL.
 *
 * The caller sends queries whose parameters are `null`, numbers, strings or bytes, at most 100 each (D1's
 * limit), and learns what a write has touched from `RETURNING`: the one way that is exact everywhere. The
 * executor throws only StowageError: `records_full` and `records_unavailable`, both retryable,
 * `upload_conflict` where a unique index refuses, `internal` for a query that is wrong.
 */
export interface SqlExecutor {
  /** One query. A write is durable when this resolves; a read sees all that was durable when it began. */
  run<Row>(query: CompiledQuery<Row>): Promise<readonly Row[]>;
  /** All of `queries` in their order, or none; nobody sees, or writes, anything in between. */
  batch<const Queries extends readonly CompiledQuery[]>(queries: Queries): Promise<RowsOf<Queries>>;
  /** Wait for what is under way, then let the database go. */
  close(): Promise<void>;
}

/** Runs one query within a unit, at once. Throws whatever the database throws. */
export type RunQuery = <Row>(query: CompiledQuery<Row>) => readonly Row[];

/** An executor in this process, whose units may look at what they read before they write. */
export interface UnitExecutor extends SqlExecutor {
  /**
   * Do `work`, which must not wait for anything, while nobody else writes. If it throws, nothing of it
   * has happened.
   */
  unit<Result>(work: (run: RunQuery) => Result): Promise<Result>;
}
