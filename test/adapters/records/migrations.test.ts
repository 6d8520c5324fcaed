import { readdir } from "node:fs/promises";
import { expect, it } from "vitest";
import { MIGRATIONS, migrationFile } from "../../../src/adapters/records/migrations.ts";
import { MIGRATIONS_FOLDER } from "./d1-database.ts";

it("migrations/ holds for wrangler what the runner applies (write it anew with `vitest -u`)", async () => {
  const files = MIGRATIONS.map(migrationFile);
  for (const { name, sql } of files) {
    await expect(sql).toMatchFileSnapshot(`${MIGRATIONS_FOLDER}/${name}`);
  }
  expect((await readdir(MIGRATIONS_FOLDER)).sort()).toEqual(files.map(({ name }) => name));
});
