import type { CompiledQuery } from "kysely";
import type { RowsOf, SqlExecutor } from "./executor.ts";
import { toRecordsError } from "./sqlite-errors.ts";

/**
 * The part of a D1 binding that Stowage uses.
 *
 * @see https://developers.cloudflare.com/d1/worker-api/d1-database/
 */
export interface D1Binding {
  prepare(sql: string): D1Statement;
  batch(statements: D1Statement[]): Promise<{ readonly results: unknown[] }[]>;
}

export interface D1Statement {
  bind(...values: unknown[]): D1Statement;
}

/**
 * The records in Cloudflare D1. A batch is its only kind of transaction, so every write is a batch; D1 serializes them.
 * Nothing is retried, because a failed write may have happened.
 */
export function openD1(database: D1Binding): SqlExecutor {
  const batch = async <const Queries extends readonly CompiledQuery[]>(
    queries: Queries,
  ): Promise<RowsOf<Queries>> => {
    try {
      const outcomes = await database.batch(
        queries.map(({ sql, parameters }) => database.prepare(sql).bind(...parameters)),
      );
      return outcomes.map((outcome) => outcome.results) as unknown as RowsOf<Queries>;
    } catch (error) {
      throw toRecordsError(error);
    }
  };
  return {
    batch,
    async run<Row>(query: CompiledQuery<Row>) {
      const [rows] = await batch([query]);
      return rows as readonly Row[];
    },
    async close() {},
  };
}
