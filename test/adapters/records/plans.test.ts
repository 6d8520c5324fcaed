import { CompiledQuery } from "kysely";
import { expect, it } from "vitest";
import type { SqlExecutor } from "../../../src/adapters/records/executor.ts";
import { migrate } from "../../../src/adapters/records/migrations.ts";
import {
  ACME,
  type Bench,
  createBench,
  manyUploads,
  newUpload,
  reserve,
  START,
  STORAGES,
  store,
} from "./bench.ts";
import { open } from "./scratch.ts";

const AFTER_KEY = newUpload(createBench(nowhere())).key;
const AFTER = { createdAt: START, id: newUpload(createBench(nowhere())).id };

/** All calls that are frequent or cover many rows, and the index that each must use. */
const CALLS: Record<
  string,
  { call(bench: Bench): Promise<unknown>; readonly index: string; readonly sorts?: true }
> = {
  "list() of everything": {
    call: ({ records }) => records.list(ACME, {}, { limit: 9, after: AFTER }),
    index: "uploads_newest",
  },
  "list() of one status": {
    call: ({ records }) => records.list(ACME, { status: "failed" }, { limit: 9, after: null }),
    index: "uploads_newest_of_status",
  },
  "list() since a moment": {
    call: ({ records }) =>
      records.list(ACME, { createdAfter: 1, createdBefore: 2 }, { limit: 9, after: AFTER }),
    index: "uploads_newest",
  },
  "list() with a rare prefix": {
    call: ({ records }) =>
      records.list(ACME, { filenamePrefix: "cv", status: "failed" }, { limit: 9, after: AFTER }),
    index: "uploads_filenames",
    // Few rows match.
    sorts: true,
  },
  "list() with a frequent prefix": {
    async call({ records, executor }) {
      await manyUploads(executor, { count: 2_000, from: START, name: "cv" });
      await records.list(ACME, { filenamePrefix: "cv" }, { limit: 9, after: AFTER });
    },
    index: "uploads_newest",
  },
  "reserve() under terms": {
    call: (bench) =>
      bench.records.reserve(newUpload(bench), START, {
        quota: { bytes: 9, uploads: 9 },
        idempotencyKey: "k",
      }),
    index: "PRIMARY KEY",
  },
  "reserveQuota()": {
    async call(bench) {
      await bench.records.reserveQuota(await reserve(bench), 9, { bytes: 9, uploads: 9 });
    },
    index: "sqlite_autoindex_uploads_2",
  },
  "commit() of a keyed upload": {
    call: (bench) => store(bench, {}, { fingerprint: "f" }),
    index: "sqlite_autoindex_repeats_1",
  },
  "findIdempotencyRecord()": {
    call: ({ records }) => records.findIdempotencyRecord(ACME, "k"),
    index: "PRIMARY KEY",
  },
  "missingFiles()": {
    call: ({ records }) => records.missingFiles(STORAGES[0] ?? "", { limit: 9, after: null }),
    index: "uploads_missing",
  },
  "countMissing()": { call: ({ records }) => records.countMissing(), index: "uploads_missing" },
  "dropIdempotencyRecords()": {
    call: ({ records }) => records.dropIdempotencyRecords(),
    index: "repeats_oldest",
  },
  "collectExpired()": {
    call: ({ records }) => records.collectExpired(9, STORAGES),
    index: "uploads_expiry",
  },
  "update()": {
    call: ({ records }) => records.update(ACME, AFTER.id, { metadata: {} }, 1),
    index: "sqlite_autoindex_uploads_1",
  },
  "tenants.find()": {
    call: ({ tenants }) => tenants.find(ACME),
    index: "PRIMARY KEY",
    // At most one page, with names in index order.
    sorts: true,
  },
  "tenants.list()": {
    call: ({ tenants }) => tenants.list({ limit: 9, after: ACME }),
    index: "PRIMARY KEY",
    sorts: true,
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
  "tombstones() from one on": {
    call: ({ records }) => records.tombstones("s", 9, { storageId: "s", key: AFTER_KEY, until: 9 }),
    index: "tombstones_oldest",
  },
};

it.each(Object.keys(CALLS))("%s uses its index and does not sort", async (name) => {
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
  const { call, index, sorts } = CALLS[name] ?? expect.unreachable();
  await call(createBench(watched));
  const plan = plans.join("\n");
  expect(plan).toMatch(new RegExp(`(?:INDEX|USING) ${index}\\b`));
  expect(plan).not.toMatch(/^SCAN (?:uploads|usage|tenants|repeats)$/m);
  if (sorts !== true) expect(plan).not.toContain("TEMP B-TREE");
});

/** An executor that is never called. */
function nowhere(): SqlExecutor {
  return {
    run: () => expect.unreachable(),
    batch: () => expect.unreachable(),
    close: () => Promise.resolve(),
  };
}
