import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Miniflare } from "miniflare";
import type { D1Binding, D1Statement } from "../../../src/adapters/records/d1.ts";

export const MIGRATIONS_FOLDER = fileURLToPath(new URL("../../../migrations", import.meta.url));

/** A worker next to the database that runs batches: miniflare's proxy makes a call for every `prepare` and `bind`. */
const RELAY = `export default {
  async fetch(request, env) {
    const { database, queries } = await request.json();
    const d1 = env[database];
    try {
      return Response.json(await d1.batch(queries.map(({ sql, values }) => d1.prepare(sql).bind(...values))));
    } catch (error) {
      return new Response(error.message, { status: 500 });
    }
  },
}`;

/** D1 as in Workers, in a local workerd: an empty database for each name. */
export async function startD1(...names: string[]) {
  const miniflare = new Miniflare({
    modules: true,
    script: RELAY,
    compatibilityDate: "2026-01-01",
    d1Databases: names,
  });
  await miniflare.ready;
  return {
    /** Through that worker. */
    open: (name: string) => relay(miniflare, name),
    /** The binding itself, through miniflare's proxy. */
    binding: (name: string) => miniflare.getD1Database(name) as Promise<D1Binding>,
    stop: () => miniflare.dispose(),
  };
}

interface RelayedStatement extends D1Statement {
  readonly sql: string;
  readonly values: readonly unknown[];
}

function relay(miniflare: Miniflare, database: string): D1Binding {
  const statement = (sql: string, values: readonly unknown[]): RelayedStatement => ({
    sql,
    values,
    bind: (...bound) => statement(sql, bound),
  });
  return {
    prepare: (sql) => statement(sql, []),
    async batch(queries) {
      const response = await miniflare.dispatchFetch("http://relay/", {
        method: "POST",
        body: JSON.stringify({ database, queries }),
      });
      if (!response.ok) throw new Error(await response.text());
      return (await response.json()) as { results: unknown[] }[];
    },
  };
}

/**
 * Apply the shipped files as `wrangler d1 migrations apply` does: in order, each in one batch.
 * `from` and `to` choose some of them, for a database that has had, or will get, the others.
 */
export async function applyMigrationFiles(
  database: D1Binding,
  from = 0,
  to?: number,
): Promise<void> {
  for (const name of (await readdir(MIGRATIONS_FOLDER)).sort().slice(from, to)) {
    const sql = await readFile(`${MIGRATIONS_FOLDER}/${name}`, "utf8");
    const statements = sql.split(/;\n(?:\n|$)/).filter((statement) => statement.trim() !== "");
    await database.batch(statements.map((statement) => database.prepare(statement)));
  }
}
