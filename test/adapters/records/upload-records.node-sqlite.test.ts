import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe } from "vitest";
import { migrate } from "../../../src/adapters/records/migrations.ts";
import { openNodeSqlite } from "../../../src/adapters/records/node-sqlite.ts";
import { type Bench, createBench } from "./bench.ts";
import { recordsContract } from "./contract/all.ts";

describe("records in node:sqlite", () => {
  let bench: Bench;
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "stowage-records-"));
    const executor = await openNodeSqlite(join(folder, "stowage.db"));
    await migrate(executor);
    bench = createBench(executor);
  });

  afterEach(async () => {
    await bench.records.close();
    await rm(folder, { recursive: true });
  });

  recordsContract(() => bench);
});
