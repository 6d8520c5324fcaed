import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { loadConfig } from "../src/config.ts";
import { serve } from "../src/runtime/node.ts";
import { tempFolder } from "./support/temp-folder.ts";

/** Serve, and collect what is said. */
async function start(env: Record<string, string>) {
  let said = "";
  const server = await serve(loadConfig({ PORT: "0", LOG_FORMAT: "json", ...env }), {
    out: (text) => {
      said += text;
    },
    err: (text) => {
      said += text;
    },
    isTerminal: false,
  });
  onTestFinished(() => server.close());
  return { server, said: () => said };
}

function settings(folder: string): Record<string, string> {
  return {
    FILE_STORAGE_PATH: join(folder, "uploads"),
    DATABASE_URL: `sqlite:${join(folder, "data", "stowage.db")}`,
  };
}

const KEY = /stw_[0-9a-f]{16}_[\w-]{43}/;

async function upload(url: string, said: string): Promise<Response> {
  return await fetch(`${url}/api/v1/upload/a.txt`, {
    method: "PUT",
    headers: { authorization: `Bearer ${KEY.exec(said)?.[0]}` },
    body: "hello",
  });
}

test("a later start does not show the key, but where it is stored", async () => {
  const folder = tempFolder();
  const first = await start(settings(folder));
  expect(first.said()).toMatch(KEY);
  await first.server.close();
  const second = await start(settings(folder));
  expect(second.said()).not.toMatch(KEY);
  expect(second.said()).toContain(join(folder, "data", "first-api-key"));
});

test("a failed start creates no key, the next one shows it", async () => {
  const folder = tempFolder();
  const other = await start(settings(tempFolder()));
  const port = new URL(other.server.url).port;
  await expect(start({ ...settings(folder), PORT: port })).rejects.toThrow(
    "another program uses this port",
  );
  expect((await start(settings(folder))).said()).toMatch(KEY);
});

test("keeps database and key from other users", async () => {
  const folder = tempFolder();
  await start(settings(folder));
  for (const file of ["stowage.db", "stowage.db-wal", "first-api-key"]) {
    expect(statSync(join(folder, "data", file)).mode & 0o077, file).toBe(0);
  }
});

test("refuses another folder while uploads lie in the old one, and writes nothing there", async () => {
  const folder = tempFolder();
  const first = await start(settings(folder));
  expect((await upload(first.server.url, first.said())).status).toBe(201);
  await first.server.close();
  const elsewhere = join(folder, "elsewhere");
  const moved = start({ ...settings(folder), FILE_STORAGE_PATH: elsewhere });
  await expect(moved).rejects.toMatchObject({ code: "storage_misconfigured" });
  await expect(moved).rejects.toThrow(/1 in local:.*FILE_STORAGE_FALLBACK/);
  expect(existsSync(join(elsewhere, ".stowage", "storage.json"))).toBe(false);
  // Named as a fallback the old one is read from.
  const both = await start({
    ...settings(folder),
    FILE_STORAGE_PATH: elsewhere,
    FILE_STORAGE_FALLBACK: `local:${join(folder, "uploads")}`,
  });
  const headers = { authorization: `Bearer ${KEY.exec(first.said())?.[0]}` };
  const list = await fetch(`${both.server.url}/api/v1/upload`, { headers });
  const { items } = (await list.json()) as { items: { id: string }[] };
  const file = await fetch(`${both.server.url}/api/v1/upload/${items[0]?.id}/file`, { headers });
  expect(await file.text()).toBe("hello");
});

test("loses what is in memory when its process ends", async () => {
  const folder = tempFolder();
  const env = { ...settings(folder), FILE_STORAGE_TYPE: "memory" };
  const first = await start(env);
  expect((await upload(first.server.url, first.said())).status).toBe(201);
  await first.server.close();
  const second = await start(env);
  expect(second.said()).toContain("storage.lost_with_memory");
  const headers = { authorization: `Bearer ${KEY.exec(first.said())?.[0]}` };
  const list = await fetch(`${second.server.url}/api/v1/upload`, { headers });
  expect(await list.json()).toMatchObject({ items: [] });
});
