import { readdir } from "node:fs/promises";
import { CompiledQuery } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openD1 } from "../../../src/adapters/records/d1.ts";
import type { SqlExecutor } from "../../../src/adapters/records/executor.ts";
import {
  MIGRATIONS,
  type Migration,
  migrate,
  migrationFile,
  requireSchema,
} from "../../../src/adapters/records/migrations.ts";
import { applyMigrationFiles, MIGRATIONS_FOLDER, startD1 } from "./d1-database.ts";
import { start } from "./processes.ts";
import { databasePath, open } from "./scratch.ts";

const NEXT: Migration = {
  version: MIGRATIONS.length + 1,
  name: "next",
  statements: [
    "CREATE TABLE next (id INTEGER PRIMARY KEY) STRICT",
    `UPDATE meta SET value = '${MIGRATIONS.length + 1}' WHERE name = 'schema_version'`,
  ],
};

async function schemaOf(executor: SqlExecutor): Promise<string[]> {
  const rows = await executor.run(
    CompiledQuery.raw(
      "SELECT sql FROM sqlite_master WHERE name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
    ) as CompiledQuery<{ sql: string }>,
  );
  return rows.map(({ sql }) => sql).sort();
}

/** Write it as a release with schema 1 did, with the columns of that time. */
const INSERT_INTO_1 = CompiledQuery.raw(`INSERT INTO uploads
  (id, tenant, storage_id, key, revision, status, filename, original_filename, size_bytes, sha256,
   content_type, created_by, created_at, updated_at)
  VALUES ('u', 'acme', 's', 'acme/u/a.txt', 2, 'stored', 'a.txt', 'a.txt', 5, 'ab', 'text/plain', 'key:k', 1, 2)`);
const OLD_UPLOAD = { id: "u", status: "stored", size_bytes: 5, multipart_id: null };

/** Uploads in every state that a release with schema 3 may leave. */
const INSERT_INTO_3 = [
  ["a1", "acme", "stored", 5],
  ["a2", "acme", "processing", 7],
  ["a3", "acme", "uploading", null],
  ["g1", "globex", "deleting", 9],
  ["i1", "initech", "deleting", null],
].map(([id, tenant, status, size]) =>
  CompiledQuery.raw(
    `INSERT INTO uploads (id, tenant, storage_id, key, revision, status, filename, original_filename, size_bytes,
       content_type, created_by, created_at, updated_at)
     VALUES (?, ?, 's', ?, 1, ?, 'a.txt', 'a.txt', ?, 'text/plain', 'key:k', 1, 2)`,
    [id, tenant, id, status, size],
  ),
);
const KEPT_OF_3 = [
  { tenant: "acme", bytes: 12, uploads: 3 },
  { tenant: "globex", bytes: 9, uploads: 1 },
  { tenant: "initech", bytes: 0, uploads: 1 },
];

/** The usage in the database, after a check that it counts on from there. */
async function keptIn(executor: SqlExecutor): Promise<readonly unknown[]> {
  const select = CompiledQuery.raw("SELECT tenant, bytes, uploads FROM usage ORDER BY tenant");
  const kept = await executor.run(select);
  await executor.run(CompiledQuery.raw("DELETE FROM uploads"));
  expect(await executor.run(select)).toEqual([]);
  return kept;
}

async function uploadsIn(executor: SqlExecutor): Promise<readonly unknown[]> {
  return await executor.run(
    CompiledQuery.raw("SELECT id, status, size_bytes, multipart_id FROM uploads"),
  );
}

function setVersion(executor: SqlExecutor, version: number) {
  return executor.run(
    CompiledQuery.raw("UPDATE meta SET value = ? WHERE name = 'schema_version'", [String(version)]),
  );
}

describe("migrations", () => {
  it("migrations/ has the same SQL for wrangler as the runner (update with `vitest -u`)", async () => {
    const files = MIGRATIONS.map(migrationFile);
    for (const { name, sql } of files) {
      await expect(sql).toMatchFileSnapshot(`${MIGRATIONS_FOLDER}/${name}`);
    }
    expect((await readdir(MIGRATIONS_FOLDER)).sort()).toEqual(files.map(({ name }) => name));
  });

  it("MIGRATIONS are numbered without gaps, and each writes its version", () => {
    for (const [index, migration] of MIGRATIONS.entries()) {
      expect(migration.version).toBe(index + 1);
      expect(migration.statements.at(-1)).toMatch(/schema_version/);
      expect(migration.statements.at(-1)).toContain(`'${migration.version}'`);
    }
  });

  it("migrate() applies the missing migrations once", async () => {
    const executor = await open(await databasePath());
    await migrate(executor);
    await requireSchema(executor);
    const before = await schemaOf(executor);
    await migrate(executor);
    expect(await schemaOf(executor)).toEqual(before);
    await migrate(executor, [...MIGRATIONS, NEXT]);
    expect(await schemaOf(executor)).toEqual([...before, NEXT.statements[0] ?? ""].sort());
  });

  it("migrate() updates a database of schema 1 to the newest and keeps its data", async () => {
    const executor = await open(await databasePath());
    await migrate(executor, MIGRATIONS.slice(0, 1));
    await executor.run(INSERT_INTO_1);
    await migrate(executor);
    await requireSchema(executor);
    expect(await uploadsIn(executor)).toEqual([OLD_UPLOAD]);
    // A release that only knows schema 1.
    await expect(migrate(executor, MIGRATIONS.slice(0, 1))).rejects.toMatchObject({
      code: "records_newer",
    });
  });

  it("migrate() computes the usage of the tenants in a database of schema 3", async () => {
    const executor = await open(await databasePath());
    await migrate(executor, MIGRATIONS.slice(0, 3));
    await executor.batch(INSERT_INTO_3);
    await migrate(executor);
    expect(await keptIn(executor)).toEqual(KEPT_OF_3);
  });

  it("migrate() leaves the schema unchanged if a step fails", async () => {
    const executor = await open(await databasePath());
    await migrate(executor);
    const before = await schemaOf(executor);
    const broken = { ...NEXT, statements: [...NEXT.statements, "SELECT nonsense"] };
    await expect(migrate(executor, [...MIGRATIONS, broken])).rejects.toMatchObject({
      code: "internal",
    });
    expect(await schemaOf(executor)).toEqual(before);
    await requireSchema(executor);
  });

  it("migrate() and requireSchema() refuse a database with a newer schema", async () => {
    const executor = await open(await databasePath());
    await migrate(executor, [...MIGRATIONS, NEXT]);
    await expect(migrate(executor)).rejects.toMatchObject({ code: "records_newer" });
    await expect(requireSchema(executor)).rejects.toMatchObject({ code: "records_newer" });
  });

  it("migrate() succeeds in four processes that start at once", async () => {
    const path = await databasePath();
    const processes = await Promise.all([1, 2, 3, 4].map(() => start("migrator.ts", path)));
    for (const process of processes) process.go();
    expect(await Promise.all(processes.map(({ ended }) => ended))).toEqual([0, 0, 0, 0]);
    await requireSchema(await open(path));
  });

  it("migrate() checks and migrates in one step, even with concurrent processes", async () => {
    const path = await databasePath();
    const connections = await Promise.all([1, 2, 3, 4].map(() => open(path)));
    await Promise.all(connections.map((executor) => migrate(executor)));
    for (const executor of connections) await requireSchema(executor);
  });

  describe("on D1", () => {
    let d1: Awaited<ReturnType<typeof startD1>>;
    beforeAll(async () => {
      d1 = await startD1("EMPTY", "APPLIED", "OLD", "THIRD");
    });
    afterAll(() => d1.stop());

    it("requireSchema() names the command to run if no migration was applied", async () => {
      await expect(requireSchema(openD1(d1.open("EMPTY")))).rejects.toMatchObject({
        code: "invalid_config",
        message: expect.stringContaining("wrangler d1 migrations apply"),
      });
    });

    it("the files update a database of schema 1 to the newest and keep its data", async () => {
      const executor = openD1(d1.open("OLD"));
      await applyMigrationFiles(d1.open("OLD"), 0, 1);
      await expect(requireSchema(executor)).rejects.toMatchObject({ code: "invalid_config" });
      await executor.run(INSERT_INTO_1);
      await applyMigrationFiles(d1.open("OLD"), 1);
      await requireSchema(executor);
      expect(await uploadsIn(executor)).toEqual([OLD_UPLOAD]);
    });

    it("the files compute the usage of the tenants in a database of schema 3", async () => {
      const executor = openD1(d1.open("THIRD"));
      await applyMigrationFiles(d1.open("THIRD"), 0, 3);
      await executor.batch(INSERT_INTO_3);
      await applyMigrationFiles(d1.open("THIRD"), 3);
      expect(await keptIn(executor)).toEqual(KEPT_OF_3);
    });

    it("the files create the same schema as the runner", async () => {
      const executor = openD1(d1.open("APPLIED"));
      await applyMigrationFiles(d1.open("APPLIED"));
      await requireSchema(executor);
      const ours = await open(":memory:");
      await migrate(ours);
      expect(await schemaOf(executor)).toEqual(await schemaOf(ours));

      await setVersion(executor, MIGRATIONS.length + 1);
      await expect(requireSchema(executor)).rejects.toMatchObject({ code: "records_newer" });
    });
  });
});
