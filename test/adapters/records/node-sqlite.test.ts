import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { CompiledQuery } from "kysely";
import { describe, expect, it } from "vitest";
import type { UnitExecutor } from "../../../src/adapters/records/executor.ts";
import { migrate } from "../../../src/adapters/records/migrations.ts";
import { hasPrograms } from "../../support/can-run.ts";
import { ACME, createBench, eventTypes, queue, reserve, STORAGES, store } from "./bench.ts";
import { start } from "./processes.ts";
import { databasePath, open } from "./scratch.ts";
import { countCommits } from "./wal.ts";

const hasStrace = hasPrograms(["strace"], "apt-get install strace");

const FIRST = "SELECT 1 AS one";

async function openMigrated(path: string): Promise<UnitExecutor> {
  const executor = await open(path);
  await migrate(executor);
  return executor;
}

describe("openNodeSqlite()", () => {
  it("lets units that arrive together share one transaction", async () => {
    const path = await databasePath();
    const bench = createBench(await openMigrated(path));
    const before = await countCommits(path);
    await Promise.all(Array.from({ length: 32 }, () => reserve(bench)));
    expect(await countCommits(path)).toBe(before + 1);
    await reserve(bench);
    await reserve(bench);
    expect(await countCommits(path)).toBe(before + 3);
  });

  it("waits for as many units as last time, and never delays a single unit", async () => {
    const path = await databasePath();
    await openMigrated(path);
    // Longer than the test may take: nothing may wait that long.
    const executor = await open(path, { gatherMs: 3_600_000 });
    const bench = createBench(executor);
    const before = await countCommits(path);
    await reserve(bench);
    await reserve(bench);
    await Promise.all([reserve(bench), reserve(bench), reserve(bench)]);
    expect(await countCommits(path)).toBe(before + 3);
    const oneByOne: Promise<unknown>[] = [];
    for (let index = 0; index < 3; index++) {
      oneByOne.push(reserve(bench));
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(oneByOne);
    expect(await countCommits(path)).toBe(before + 4);
  });

  it("runs a single unit if no others arrive in time", async () => {
    const bench = createBench(await openMigrated(await databasePath()));
    await Promise.all([reserve(bench), reserve(bench)]);
    await reserve(bench);
    expect(await bench.records.storageUsage()).toMatchObject([{ uploads: 3 }]);
  });

  it("limits the size of a transaction, so that many units do not block everything else", async () => {
    const path = await databasePath();
    const bench = createBench(await openMigrated(path));
    const before = await countCommits(path);
    await Promise.all(Array.from({ length: 300 }, () => reserve(bench)));
    expect(await countCommits(path)).toBe(before + 3);
  });

  it("rolls back a failed unit and none of the others", async () => {
    const path = await databasePath();
    const executor = await openMigrated(path);
    const bench = createBench(executor);
    const taken = await store(bench);
    const before = await countCommits(path);
    const outcomes = await Promise.allSettled([
      reserve(bench),
      executor.unit((run) => {
        run(CompiledQuery.raw("DELETE FROM uploads"));
        throw new RangeError("changed its mind");
      }),
      executor.batch([
        CompiledQuery.raw("DELETE FROM events"),
        CompiledQuery.raw("INSERT INTO uploads (id) VALUES ('x')"),
      ]),
      reserve(bench, { key: taken.key }),
      reserve(bench),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "rejected",
      "rejected",
      "fulfilled",
    ]);
    expect(outcomes[3]).toMatchObject({ reason: { code: "upload_conflict" } });
    expect(await countCommits(path)).toBe(before + 1);
    expect(await eventTypes(bench, taken)).toEqual(["stored"]);
    const page = { limit: 10, after: null };
    expect((await bench.records.list(ACME, { status: "uploading" }, page)).uploads).toHaveLength(2);
  });

  it("rejects all units of a transaction whose COMMIT fails, and writes none of them", async () => {
    const executor = await openMigrated(await databasePath());
    const bench = createBench(executor);
    const orphan = CompiledQuery.raw(
      "INSERT INTO results (upload_id, name, version, status, duration_ms) VALUES ('none', 'n', '1', 'x', 0)",
    );
    const outcomes = await Promise.allSettled([
      reserve(bench),
      // A constraint that is checked only at the end of the transaction.
      executor.batch([CompiledQuery.raw("PRAGMA defer_foreign_keys = ON"), orphan]),
      reserve(bench),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(await bench.records.storageUsage()).toEqual([]);
    await reserve(bench);
    expect(await bench.records.storageUsage()).toHaveLength(1);
  });

  it("reads committed data at once", async () => {
    const executor = await openMigrated(await databasePath());
    const bench = createBench(executor);
    const written = store(bench);
    const seen = executor.run(CompiledQuery.raw("SELECT count(*) AS n FROM uploads"));
    expect(await seen).toEqual([{ n: 0 }]);
    await written;
    expect(await executor.run(CompiledQuery.raw("SELECT count(*) AS n FROM uploads"))).toEqual([
      { n: 1 },
    ]);
  });

  it("check() writes every time, even if the clock does not advance", async () => {
    const path = await databasePath();
    const bench = createBench(await openMigrated(path));
    const before = await countCommits(path);
    for (let count = 0; count < 3; count++) await bench.records.check();
    expect(await countCommits(path)).toBe(before + 3);
  });

  it("throws records_full if the database cannot grow, and works again when it can", async () => {
    const executor = await openMigrated(await databasePath());
    const bench = createBench(executor);
    const survivor = await store(bench);
    await executor.run(CompiledQuery.raw("PRAGMA max_page_count = 1"));
    const large = { metadata: { text: "x".repeat(20_000) } };
    const full = { code: "records_full", retryable: true };
    await expect(store(bench, {}, large)).rejects.toMatchObject(full);
    await expect(
      Promise.all([store(bench, {}, large), store(bench, {}, large)]),
    ).rejects.toMatchObject(full);
    expect(await bench.records.find(ACME, survivor.id)).toEqual(survivor);
    await executor.run(CompiledQuery.raw("PRAGMA max_page_count = 1000000"));
    expect(await store(bench, {}, large)).toMatchObject(large);
  });

  it("throws records_unavailable if the database is read-only", async () => {
    const path = await databasePath();
    await (await openMigrated(path)).close();
    const bench = createBench(await open(`file:${path}?mode=ro`));
    await expect(bench.records.check()).rejects.toMatchObject({
      code: "records_unavailable",
      retryable: true,
    });
    expect(await bench.records.find(ACME, "none")).toBeNull();
  });

  it("throws records_unavailable if the folder is missing or the file is not a database", async () => {
    const path = await databasePath();
    const trouble = { code: "records_unavailable", retryable: true };
    await expect(open(`${path}/none/stowage.db`)).rejects.toMatchObject(trouble);
    await expect(open(fileURLToPath(import.meta.url))).rejects.toMatchObject(trouble);
  });

  it("waits for another process's lock without blocking the event loop", async () => {
    const path = await databasePath();
    const bench = createBench(await openMigrated(path));
    const holder = await start("lock-holder.ts", path);
    let settled = false;
    const written = Promise.all([queue(bench), queue(bench)]).finally(() => {
      settled = true;
    });
    for (let turn = 0; turn < 40; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await bench.records.nextJobAt(STORAGES);
    }
    expect(settled).toBe(false);
    holder.go();
    expect(await written).toHaveLength(2);
    expect(await holder.ended).toBe(0);
  });

  it("gives up on a lock that is not released, and works again afterwards", async () => {
    const path = await databasePath();
    await openMigrated(path);
    const bench = createBench(await open(path, { lockTimeoutMs: 50 }));
    const holder = await start("lock-holder.ts", path);
    await expect(bench.records.check()).rejects.toMatchObject({
      code: "records_unavailable",
      message: "Cannot reach records: database is locked",
      retryable: true,
    });
    holder.go();
    await holder.ended;
    await bench.records.check();
  });

  it("close() waits for running units, and refuses new ones", async () => {
    const path = await databasePath();
    const bench = createBench(await openMigrated(path));
    const written = Promise.all([
      store(bench).then(
        () => null,
        () => null,
      ),
      reserve(bench),
    ]);
    await bench.records.close();
    await written;
    await bench.records.close();
    await expect(bench.records.check()).rejects.toMatchObject({ code: "records_unavailable" });
    await expect(bench.records.find(ACME, "x")).rejects.toMatchObject({
      code: "records_unavailable",
    });
    const again = createBench(await open(path));
    expect(await again.records.storageUsage()).toMatchObject([{ uploads: 2 }]);
  });

  it("uses WAL and foreign keys, and accepts queries that begin with a comment or a space", async () => {
    const executor = await open(await databasePath());
    const pragma = (name: string) => executor.run(CompiledQuery.raw(`PRAGMA ${name}`));
    expect(await pragma("journal_mode")).toEqual([{ journal_mode: "wal" }]);
    expect(await pragma("foreign_keys")).toEqual([{ foreign_keys: 1 }]);
    expect(await executor.run(CompiledQuery.raw(`\n ${FIRST}`))).toEqual([{ one: 1 }]);
    expect(await executor.run(CompiledQuery.raw(`-- why\n${FIRST}`))).toEqual([{ one: 1 }]);
  });

  it.skipIf(!hasStrace)("writes every commit to disk before it is reported", async () => {
    const path = await databasePath();
    await (await openMigrated(path)).close();
    const log = `${path}.strace`;
    const script = fileURLToPath(new URL("committer.ts", import.meta.url));
    const syncs = async (commits: number) => {
      await promisify(execFile)("strace", [
        ...["-f", "-y", "-e", "trace=fsync,fdatasync", "-o", log],
        ...[process.execPath, script, path, String(commits)],
      ]);
      const calls = (await readFile(log, "utf8")).split("\n");
      return calls.filter((call) => call.includes(`${path}-wal>`)).length;
    };
    expect((await syncs(12)) - (await syncs(2))).toBe(10);
  });
});
