import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { installPackage } from "../support/package-sources.ts";
import { ServerProcess } from "../support/server-process.ts";
import { fastFolder } from "../support/temp-folder.ts";
import { blocksOf } from "./blocks.ts";

const run = promisify(execFile);
const DOCUMENT = "docs/uploads.md";

test("every block of docs/uploads.md works with a server, and says what comes of it", async () => {
  const blocks = blocksOf(DOCUMENT);
  expect(blocks.map(({ name }) => name)).toEqual(["scene", "digest", "repeat", "limits"]);
  const folder = fastFolder();
  installPackage(folder);
  writeFileSync(join(folder, "cv.pdf"), "%PDF-1.7\n");
  const env = {
    FILE_STORAGE_PATH: join(folder, "uploads"),
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
  };
  const server = await ServerProcess.start(env);
  const key = readFileSync(join(folder, "first-api-key"), "utf8").trim();
  const script = blocks.map(({ text }) => `${text}\n`).join("echo\n");
  const { stdout } = await run(
    "bash",
    ["-euo", "pipefail", "-c", script.replace("http://127.0.0.1:8000", server.url)],
    {
      cwd: folder,
      env: {
        ...env,
        KEY: key,
        PATH: `${join(folder, "node_modules", ".bin")}:${process.env["PATH"]}`,
      },
    },
  );
  const ids = [...stdout.matchAll(/"id":"([^"]+)"/g)].map(([, id]) => id);
  // Two with digests, one that was sent twice, one that expires.
  expect(ids).toHaveLength(5);
  expect(new Set(ids).size).toBe(4);
  expect(ids[2]).toBe(ids[3]);
  expect(stdout).toContain('"expires_at":"2099-12-31T00:00:00.000Z"');
});
