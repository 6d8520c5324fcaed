import { CompiledQuery } from "kysely";
import { expect, test } from "vitest";
import { migrate } from "../../../src/adapters/records/migrations.ts";
import type { ListFilter, ListPosition } from "../../../src/domain/ports/records.ts";
import type { Upload } from "../../../src/domain/upload.ts";
import { ACME, createBench, manyUploads, START, setStatus, store } from "./bench.ts";
import { databasePath, open } from "./scratch.ts";

const COUNT = 100_000;
const PAGE = 200;

/** 100,000 uploads of one tenant. Every fifth has failed. */
async function scene() {
  const executor = await open(await databasePath());
  await migrate(executor);
  const bench = createBench(executor);
  await manyUploads(executor, { count: COUNT, from: START, name: "scan-" });
  await executor.run(
    CompiledQuery.raw(
      "UPDATE uploads SET status = 'failed' WHERE size_bytes = 1 AND created_at % 5 = 0",
    ),
  );
  bench.clock.advance(COUNT);
  return bench;
}

test.each<[string, ListFilter]>([
  ["everything", {}],
  ["one status", { status: "failed" }],
  ["a frequent prefix", { filenamePrefix: "scan-" }],
  ["a time", { createdAfter: START + 1_000, createdBefore: START + 90_000 }],
])("list() of %s returns 100,000 uploads once each while others are added and deleted", async (_, filter) => {
  const bench = await scene();
  const { records, executor, clock } = bench;
  const { status = null, createdAfter = START, createdBefore = START + COUNT } = filter;
  const matching = CompiledQuery.raw(
    "SELECT id FROM uploads WHERE created_at BETWEEN ? AND ? AND (? IS NULL OR status = ?)",
    [createdAfter, createdBefore, status, status],
  ) as CompiledQuery<{ id: string }>;
  const staying = new Set((await executor.run(matching)).map(({ id }) => id));
  const gone = new Set<string>();
  const listed: string[] = [];
  let after: ListPosition | null = null;
  for (let pages = 0; pages === 0 || after !== null; pages++) {
    const page: { uploads: readonly Upload[]; next: ListPosition | null } = await records.list(
      ACME,
      filter,
      { limit: PAGE, after },
    );
    listed.push(...page.uploads.map(({ id }) => id));
    after = page.next;
    if (pages % 10 > 0 || page.next === null) continue;
    // One that was returned, the last one of the page, and one far after it.
    const ahead = await records.list(ACME, filter, { limit: 150, after });
    for (const doomed of [page.uploads[0], page.uploads.at(-1), ahead.uploads.at(-1)]) {
      if (doomed === undefined || (await records.beginDelete(ACME, doomed.id)) === null) continue;
      gone.add(doomed.id);
    }
    clock.advance(1);
    const come = await store(bench, { name: "scan-new" });
    if (status !== null) await setStatus(bench, come, status);
  }
  expect(new Set(listed).size).toBe(listed.length);
  const kept = [...staying].filter((id) => !gone.has(id));
  const seen = new Set(listed);
  expect(kept.filter((id) => !seen.has(id))).toEqual([]);
  // No upload is returned that was added later: those are newer than the first page.
  expect(listed.filter((id) => !staying.has(id))).toEqual([]);
  expect(gone.size).toBeGreaterThanOrEqual(30);
});
