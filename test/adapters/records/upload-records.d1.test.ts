import { CompiledQuery } from "kysely";
import { afterAll, beforeAll, beforeEach, describe } from "vitest";
import { openD1 } from "../../../src/adapters/records/d1.ts";
import type { SqlExecutor } from "../../../src/adapters/records/executor.ts";
import { requireSchema } from "../../../src/adapters/records/migrations.ts";
import { type Bench, createBench } from "./bench.ts";
import { recordsContract } from "./contract/all.ts";
import { applyMigrationFiles, startD1 } from "./d1-database.ts";

describe("records in D1", () => {
  let d1: Awaited<ReturnType<typeof startD1>>;
  let executor: SqlExecutor;
  let bench: Bench;

  beforeAll(async () => {
    d1 = await startD1("RECORDS");
    await applyMigrationFiles(d1.open("RECORDS"));
    executor = openD1(d1.open("RECORDS"));
    await requireSchema(executor);
  });

  beforeEach(async () => {
    await executor.batch(
      ["uploads", "tombstones", "storages", "api_keys", "repeats", "tenants"].map((table) =>
        CompiledQuery.raw(`DELETE FROM ${table}`),
      ),
    );
    bench = createBench(executor);
  });

  afterAll(() => d1.stop());

  recordsContract(() => bench);
});
