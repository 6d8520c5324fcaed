import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { tempFolder } from "../../support/temp-folder.ts";

test("a module that uses up memory or never ends is reported at the start, and does not affect the server", async () => {
  const folder = tempFolder();
  const hoard = "const all = []; for (;;) all.push(new Uint8Array(1 << 22).fill(1));";
  writeFileSync(join(folder, "hoards.mjs"), hoard);
  writeFileSync(join(folder, "loops.mjs"), "for (;;);");
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: folder,
    PORT: "0",
    STOWAGE_PROCESSORS: "./hoards.mjs,./loops.mjs",
  };
  const main = resolve("src/cli/main.ts");
  const serving = promisify(execFile)(process.execPath, [main, "serve"], { env, cwd: folder });
  await expect(serving).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringMatching(
      /read ".\/hoards.mjs", .*(?:it ended with|allocation failed).*\n.*read ".\/loops.mjs", .*it did not start within 20000 ms\n$/,
    ),
  });
});
