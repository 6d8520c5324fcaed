import { globSync, renameSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { MIGRATIONS, migrate } from "../../../src/adapters/records/migrations.ts";
import { openNodeSqlite } from "../../../src/adapters/records/node-sqlite.ts";
import { SILENT } from "../../../src/domain/ports/logger.ts";
import { SCOPES } from "../../../src/domain/principal.ts";
import { parseTenantId } from "../../../src/domain/tenant.ts";
import { createStowage } from "../../../src/node.ts";
import { type Env, findings, settings } from "./scene.ts";

/** Uploads of which every file is missing, as its readers have found. @returns Their ids and files. */
async function loseFiles(env: Env & { FILE_STORAGE_PATH: string }, count: number) {
  const service = await createStowage({
    env,
    logger: SILENT,
    authenticate: async () => ({
      kind: "tenant",
      tenant: parseTenantId("acme"),
      subject: "acme",
      scopes: new Set(SCOPES),
    }),
  });
  const call = (method: string, path: string) =>
    service.fetch(
      new Request(`http://localhost/api/v1/upload/${path}`, {
        method,
        body: method === "PUT" ? "Hello" : null,
      }),
    );
  const lost: { id: string; path: string }[] = [];
  for (let number = 0; number < count; number += 1) {
    const { id } = (await (await call("PUT", "hello.txt")).json()) as { id: string };
    const path = join(env.FILE_STORAGE_PATH, "acme", id, "hello.txt");
    renameSync(path, `${path}.away`);
    expect((await call("GET", `${id}/file`)).status).toBe(500);
    lost.push({ id, path });
  }
  await service.close();
  return lost;
}

async function about(env: Env) {
  return (await findings(env)).filter(({ check }) => check === "Missing files");
}

it("stowage doctor counts and names what is missing, and sees what is back", async () => {
  const env = settings();
  const lost = await loseFiles(env, 12);
  const place = `local:${env.FILE_STORAGE_PATH}`;
  const [first] = lost;
  const found = await about(env);
  expect(found).toMatchObject([
    {
      status: "warn",
      text: `12 files were found missing in ${place}; 0 of the 12 checked again are back`,
      advice: expect.stringContaining("from a backup, or delete its upload"),
    },
  ]);
  expect(found[0]?.detail).toMatch(
    /^missing, as tenant\/upload: acme\/[0-9a-f-]{36}, .* and 2 more$/,
  );
  expect(found[0]?.detail).toContain(`acme/${first?.id}`);
  expect(JSON.stringify(found)).not.toContain("hello");

  for (const { path } of lost.slice(1)) renameSync(`${path}.away`, path);
  expect(await about(env)).toMatchObject([
    {
      status: "warn",
      text: `12 files were found missing in ${place}; 11 of the 12 checked again are back`,
      detail: `missing, as tenant/upload: acme/${first?.id}`,
    },
  ]);
  renameSync(`${first?.path}.away`, first?.path ?? "");
  const back = { status: "ok", text: `12 files were found missing in ${place}, but all are back` };
  expect(await about(env)).toMatchObject([back]);
  expect(globSync("**/*.away", { cwd: env.FILE_STORAGE_PATH })).toEqual([]);
});

it("stowage doctor reads a database that an older release has left", async () => {
  const env = settings();
  const executor = await openNodeSqlite(env["DATABASE_URL"]?.slice("sqlite:".length) ?? "");
  await migrate(executor, MIGRATIONS.slice(0, 4));
  await executor.close();
  expect(await about(env)).toMatchObject([{ status: "ok", text: "none are known" }]);
  expect(await findings(env)).toContainEqual(
    expect.objectContaining({ text: expect.stringContaining("its schema is version 4: the next") }),
  );
});

it("stowage doctor knows of none where nothing is missing", async () => {
  expect(await about(settings())).toMatchObject([{ status: "ok", text: "none are known" }]);
});
