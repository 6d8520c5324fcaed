import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hasRadosgw } from "./radosgw.ts";

const PROGRAM = `
  const { startOwnRadosgw } = await import(${JSON.stringify(new URL("radosgw.ts", import.meta.url))});
  console.log((await startOwnRadosgw()).endpoint);
  process.kill(process.pid, "SIGKILL");
`;

test.skipIf(!hasRadosgw())("a radosgw ends with its parent, however that ends", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stowage-test-"));
  const emptied = Promise.withResolvers<void>();
  const watcher = watch(folder, () => {
    if (readdirSync(folder).length === 0) emptied.resolve();
  });
  const args = ["--input-type=module", "--eval", PROGRAM];
  const stdio = ["ignore", "pipe", "inherit"] as const;
  const starter = spawn(process.execPath, args, {
    env: { ...process.env, TMPDIR: folder },
    stdio: [...stdio],
  });
  const [line] = (await once(starter.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
  await emptied.promise;
  watcher.close();
  await expect(fetch(line.toString().trim())).rejects.toThrow("fetch failed");
  rmSync(folder, { recursive: true });
});
