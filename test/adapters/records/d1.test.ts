import { CompiledQuery } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openD1 } from "../../../src/adapters/records/d1.ts";
import { createBench, FACTS, reserve, store } from "./bench.ts";
import { applyMigrationFiles, startD1 } from "./d1-database.ts";

describe("openD1()", () => {
  let d1: Awaited<ReturnType<typeof startD1>>;
  beforeAll(async () => {
    d1 = await startD1("RECORDS");
    await applyMigrationFiles(d1.open("RECORDS"));
  });
  afterAll(() => d1.stop());

  it("works with the binding itself", async () => {
    const bench = createBench(openD1(await d1.binding("RECORDS")));
    const reservation = await reserve(bench);
    const upload = await bench.records.commit(reservation, FACTS);
    expect(await bench.records.find(upload.tenant, upload.id)).toEqual(upload);
    await expect(reserve(bench, { key: upload.key })).rejects.toMatchObject({
      code: "upload_conflict",
    });
  });

  it("rolls back a batch whose last query fails, and throws an error of the right kind", async () => {
    const executor = openD1(d1.open("RECORDS"));
    const bench = createBench(executor);
    const upload = await store(bench);
    const drop = CompiledQuery.raw("DELETE FROM uploads WHERE id = ?", [upload.id]);
    await expect(
      executor.batch([drop, CompiledQuery.raw("SELECT nonsense")]),
    ).rejects.toMatchObject({ code: "internal", retryable: false });
    expect(await bench.records.find(upload.tenant, upload.id)).toEqual(upload);
  });

  it.each([
    ["D1_ERROR: Network connection lost.", "records_unavailable"],
    ["D1_ERROR: D1 DB is overloaded. Requests queued for too long.", "records_unavailable"],
    ["D1_ERROR: Exceeded maximum DB size.", "records_full"],
    ["D1_ERROR: database or disk is full: SQLITE_FULL", "records_full"],
  ])("converts %s to a retryable %s", async (message, code) => {
    const executor = openD1({
      prepare: () => ({ bind: (): never => expect.unreachable() }),
      batch: () => Promise.reject(new Error(message)),
    });
    await expect(executor.batch([])).rejects.toMatchObject({ code, retryable: true });
  });
});
