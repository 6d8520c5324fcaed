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
 * Parameters are `null`, numbers, strings or bytes, at most 100 per query (the limit of D1). Use `RETURNING` to learn what
 * a write has changed: it is the only way that is exact everywhere. The executor throws only StowageError:
 * `records_full` and `records_unavailable`, both retryable, `upload_conflict` for a violated unique index, `internal`
 * for an invalid query.
 */
export interface SqlExecutor {
  /** Run one query. A write is durable when this resolves. A read sees everything that was durable at its start. */
  run<Row>(query: CompiledQuery<Row>): Promise<readonly Row[]>;
  /** Run all queries in order, or none. Nothing else is read or written in between. */
  batch<const Queries extends readonly CompiledQuery[]>(queries: Queries): Promise<RowsOf<Queries>>;
  /** Wait for running queries, then close the database. */
  close(): Promise<void>;
}

/** Runs one query within a unit, synchronously. Throws what the database throws. */
export type RunQuery = <Row>(query: CompiledQuery<Row>) => readonly Row[];

/** An executor in this process. Its units may read before they write. */
export interface UnitExecutor extends SqlExecutor {
  /**
   * Run `work` without concurrent writers. It must be synchronous. If it throws, it is rolled back.
   */
  unit<Result>(work: (run: RunQuery) => Result): Promise<Result>;
}
