import { CompiledQuery } from "kysely";
import { expect, it } from "vitest";
import type { SqlExecutor } from "../../../src/adapters/records/executor.ts";
import { migrate } from "../../../src/adapters/records/migrations.ts";
import { ACME, type Bench, createBench, newUpload, START, STORAGES } from "./bench.ts";
import { open } from "./scratch.ts";

const AFTER = { createdAt: START, id: newUpload(createBench(nowhere())).id };

/** Every call that is made often or over many rows, and the index that must serve it. */
const CALLS: Record<string, { call(bench: Bench): Promise<unknown>; index: string }> = {
  "list() of everything": {
    call: ({ records }) => records.list(ACME, {}, { limit: 9, after: AFTER }),
    index: "uploads_newest",
  },
  "list() of one status": {
    call: ({ records }) => records.list(ACME, { status: "failed" }, { limit: 9, after: null }),
    index: "uploads_newest_of_status",
  },
  "find() by an old id": {
    call: ({ records }) => records.find(ACME, "old"),
    index: "uploads_external",
  },
  "claim()": { call: ({ records }) => records.claim("t", START, STORAGES), index: "uploads_turns" },
  "nextJobAt()": { call: ({ records }) => records.nextJobAt(STORAGES), index: "uploads_jobs" },
  "collectAbandoned()": {
    call: ({ records }) => records.collectAbandoned(9, 0, STORAGES),
    index: "uploads_remains",
  },
  "events()": {
    call: ({ records }) => records.events(ACME, AFTER.id, 0, 9),
    index: "sqlite_autoindex_events_1",
  },
  "revisions()": {
    call: ({ records }) => records.revisions([AFTER.id]),
    index: "sqlite_autoindex_uploads_1",
  },
  "survey() of one tenant": {
    call: ({ records }) =>
      records.survey({ statuses: ["failed"], tenant: ACME }, { limit: 9, after: AFTER.id }),
    index: "sqlite_autoindex_uploads_1",
  },
  "tombstones()": {
    call: ({ records }) => records.tombstones("s", 9),
    index: "tombstones_oldest",
  },
};

it.each(Object.keys(CALLS))("%s walks its index and sorts nothing", async (name) => {
  const executor = await open(":memory:");
  await migrate(executor);
  const plans: string[] = [];
  const explain = async (query: CompiledQuery) => {
    const plan = CompiledQuery.raw(`EXPLAIN QUERY PLAN ${query.sql}`, [...query.parameters]);
    for (const { detail } of (await executor.run(plan)) as { detail: string }[]) plans.push(detail);
  };
  const watched: SqlExecutor = {
    ...nowhere(),
    async run(query) {
      await explain(query);
      return await executor.run(query);
    },
    async batch(queries) {
      for (const query of queries) await explain(query);
      return await executor.batch(queries);
    },
  };
  const { call, index } = CALLS[name] ?? expect.unreachable();
  await call(createBench(watched));
  const plan = plans.join("\n");
  expect(plan).toMatch(new RegExp(`INDEX ${index}\\b`));
  expect(plan).not.toMatch(/^SCAN uploads$/m);
  expect(plan).not.toContain("TEMP B-TREE");
});

/** An executor for what needs none. */
function nowhere(): SqlExecutor {
  return {
    run: () => expect.unreachable(),
    batch: () => expect.unreachable(),
    close: () => Promise.resolve(),
  };
}
