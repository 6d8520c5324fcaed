import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { canRun } from "../support/can-run.ts";
import { ServerProcess } from "../support/server-process.ts";
import { tempFolder } from "../support/temp-folder.ts";

const maySwitchUser = canRun(
  spawnSync("setpriv", ["--reuid=65534", "--clear-groups", "true"]).status === 0,
  "files that cannot be read take root, who may be an ordinary user (setpriv)",
);

test.skipIf(!maySwitchUser)(
  "a storage.json that cannot be read stops the start, and says which file",
  async () => {
    const folder = tempFolder();
    const uploads = join(folder, "uploads");
    const env = {
      FILE_STORAGE_PATH: uploads,
      DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
      HOME: folder,
    };
    await (await ServerProcess.start(env)).kill("SIGTERM");
    const identity = join(uploads, ".stowage/storage.json");
    const nobody = 65534;
    for (const path of [
      folder,
      ...readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name))),
    ]) {
      chownSync(path, nobody, nobody);
    }
    chownSync(identity, 0, 0);
    chmodSync(identity, 0o600);
    const before = readFileSync(identity);
    const starting = ServerProcess.start(env, ["setpriv", `--reuid=${nobody}`, "--clear-groups"]);
    await expect(starting).rejects.toThrow(
      `Cannot start: storage local:${uploads} cannot be used: Cannot read ${identity}: the filesystem denies access`,
    );
    expect(readFileSync(identity)).toEqual(before);
  },
);
