import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { ServerProcess } from "../support/server-process.ts";
import { tempFolder } from "../support/temp-folder.ts";

/** A driver in TypeScript, over our own on the disk. */
function writeDriver(folder: string, file: string, name: string): void {
  const local = pathToFileURL(resolve("drivers/fs.ts"));
  writeFileSync(
    join(folder, file),
    `import { defineDriver, z } from "stowage/driver";
import local from "${local}";

export default defineDriver({
  name: "${name}",
  options: z.strictObject({ path: z.string() }),
  create: async ({ path }: { path: string }, context) => ({
    ...(await local.open({ path: "${folder}/" + path }, context)),
  }),
});
`,
  );
}

function settings(folder: string): Record<string, string> {
  return {
    HOME: folder,
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
    STOWAGE_DRIVERS: "./drivers/tape.ts, ./drivers/disc.ts",
  };
}

test("a storage of a driver from STOWAGE_DRIVERS takes, gives, deletes, and is a fallback later", async () => {
  const folder = tempFolder();
  mkdirSync(join(folder, "drivers"));
  writeDriver(folder, "drivers/tape.ts", "tape");
  writeDriver(folder, "drivers/disc.ts", "disc");
  const inFolder = ["env", "-C", folder];
  const first = await ServerProcess.start(
    { ...settings(folder), FILE_STORAGE_TYPE: "tape", FILE_STORAGE_PATH: "reels" },
    inFolder,
  );
  const key = readFileSync(join(folder, "first-api-key"), "utf8").trim();
  const call = (url: string, init: RequestInit = {}) =>
    fetch(url, { ...init, headers: { authorization: `Bearer ${key}` } });
  const put = (server: ServerProcess, name: string) =>
    call(`${server.url}/api/v1/upload/${name}`, { method: "PUT", body: `${name} in full` });

  const answer = await put(first, "one.txt");
  expect(answer.status).toBe(201);
  const one = (await answer.json()) as { id: string };
  const path = join(folder, "reels", "default", one.id, "one.txt");
  expect(readFileSync(path, "utf8")).toBe("one.txt in full");
  const gone = (await (await put(first, "gone.txt")).json()) as { id: string };
  const deleted = await call(`${first.url}/api/v1/upload/${gone.id}`, { method: "DELETE" });
  expect(deleted.status).toBe(204);
  expect(() => readFileSync(join(folder, "reels", "default", gone.id, "gone.txt"))).toThrow(
    "ENOENT",
  );
  await first.kill("SIGTERM");

  const second = await ServerProcess.start(
    { ...settings(folder), FILE_STORAGE_TYPE: "disc", FILE_STORAGE_FALLBACK: "tape:reels" },
    inFolder,
  );
  const file = await call(`${second.url}/api/v1/upload/${one.id}/file`);
  expect(await file.text()).toBe("one.txt in full");
  expect((await put(second, "two.txt")).status).toBe(201);
});

test("a start with drivers that cannot be loaded ends with all of them named, and touches nothing", async () => {
  const folder = tempFolder();
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: folder,
    PORT: "0",
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
    STOWAGE_DRIVERS: "stowage-driver-acme,./tape.ts",
  };
  const main = resolve("src/cli/main.ts");
  const serving = promisify(execFile)(process.execPath, [main, "serve"], { env, cwd: folder });
  await expect(serving).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringMatching(
      /2 settings are wrong\n {2}STOWAGE_DRIVERS: read "stowage-driver-acme", .*npm install stowage-driver-acme\)\n {2}STOWAGE_DRIVERS: read ".\/tape.ts", .*not found at .*\n$/,
    ),
  });
  expect(() => readFileSync(join(folder, "stowage.db"))).toThrow("ENOENT");
});
