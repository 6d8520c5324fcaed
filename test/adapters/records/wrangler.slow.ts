import { execFile } from "node:child_process";
import { glob } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { CompiledQuery } from "kysely";
import { expect, test } from "vitest";
import { migrate } from "../../../src/adapters/records/migrations.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { open } from "./scratch.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const SCHEMA = `SELECT name, sql FROM sqlite_master
  WHERE name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_cf%' ESCAPE '\\' AND name <> 'd1_migrations' ORDER BY name`;

test("wrangler d1 migrations apply creates the same schema as the runner, triggers included", async () => {
  const folder = tempFolder();
  const args = ["d1", "migrations", "apply", "DB", "--local", "--persist-to", folder];
  await promisify(execFile)(`${ROOT}/node_modules/.bin/wrangler`, args, {
    cwd: ROOT,
    // No prompts and no telemetry.
    env: { ...process.env, CI: "1", WRANGLER_SEND_METRICS: "false" },
  });
  const ours = await open(":memory:");
  await migrate(ours);
  const expected = await ours.run(CompiledQuery.raw(SCHEMA));
  const made: unknown[] = [];
  for await (const path of glob(`${folder}/**/*.sqlite`)) {
    const database = new DatabaseSync(path, { readOnly: true });
    const objects = database
      .prepare(SCHEMA)
      .all()
      .map((row) => ({ ...row }));
    if (objects.some((row) => row["name"] === "uploads")) made.push(objects);
    database.close();
  }
  expect(made).toEqual([expected.map((row) => ({ ...(row as object) }))]);
  expect(JSON.stringify(expected)).toContain("CREATE TRIGGER");
});
