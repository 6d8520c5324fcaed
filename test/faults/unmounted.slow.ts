import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { ApiClient } from "../support/api-client.ts";
import { canRun } from "../support/can-run.ts";
import { ServerProcess } from "../support/server-process.ts";
import { tempFolder } from "../support/temp-folder.ts";

const mayMount = canRun(
  process.getuid?.() === 0 && spawnSync("mkfs.ext4", ["-V"]).status === 0,
  "disks that come and go take root, who may mount, and mkfs.ext4",
);

/** A small disk of its own, which can be mounted and unmounted. */
async function disk(folder: string, name: string) {
  const image = join(folder, `${name}.img`);
  const mountPoint = join(folder, "mnt");
  mkdirSync(mountPoint, { recursive: true });
  execFileSync("truncate", ["-s", "32M", image]);
  execFileSync("mkfs.ext4", ["-q", image]);
  onTestFinished(() => void spawnSync("umount", ["-l", mountPoint]));
  return {
    mountPoint,
    mount: () => void execFileSync("mount", ["-o", "loop", image, mountPoint]),
    /** Not by force: nothing may hold it. A call that is under way may, for a moment. */
    async unmount() {
      await expect
        .poll(() => spawnSync("umount", [mountPoint]).status, { timeout: 10_000 })
        .toBe(0);
    },
  };
}

async function startOn(folder: string, env: Record<string, string>) {
  const server = await ServerProcess.start({
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
    HOME: folder,
    RECONCILE_INTERVAL_SECONDS: "1",
    UPLOAD_LEASE_SECONDS: "5",
    ...env,
  });
  const key = readFileSync(join(folder, "first-api-key"), "utf8").trim();
  const api = new ApiClient(server.url, key);
  const codeOf = async (method: string, path: string, body?: string) => {
    const bytes = body === undefined ? undefined : new TextEncoder().encode(body);
    const answer = await api.send(method, path, bytes);
    if (answer.status < 400) return [answer.status];
    return [answer.status, ((await answer.json()) as { code: string }).code];
  };
  return {
    ...{ server, api, codeOf },
    ready: async () => {
      const answer = await fetch(`${server.url}/health/ready`);
      const { checks } = (await answer.json()) as {
        checks: { name: string; status: string; error_code: string | null }[];
      };
      const failed = checks.find(({ error_code }) => error_code !== null);
      return [answer.status, failed?.name ?? null, failed?.error_code ?? null];
    },
  };
}

const READY = [200, null, null];
const UNAVAILABLE = [503, "storage_unavailable"];
const WAIT = { timeout: 20_000 };

const filesIn = (folder: string) => readdirSync(folder, { recursive: true });

describe.skipIf(!mayMount)("a server whose disk", () => {
  test.each([
    ["is FILE_STORAGE_PATH itself", ""],
    ["holds FILE_STORAGE_PATH", "sub"],
  ])("%s is unmounted acknowledges nothing, and recovers when it is mounted", async (_what, sub) => {
    const folder = tempFolder();
    const { mountPoint, mount, unmount } = await disk(folder, "disk");
    mount();
    const uploads = join(mountPoint, sub);
    const { api, codeOf, ready } = await startOn(folder, { FILE_STORAGE_PATH: uploads });
    const kept = await api.put("kept.txt", new TextEncoder().encode("kept"));
    const doomed = await api.put("doomed.txt", new TextEncoder().encode("doomed"));

    await unmount();
    expect(await codeOf("PUT", "/new.txt", "new")).toEqual(UNAVAILABLE);
    expect(await codeOf("GET", `/${kept}/file`)).toEqual(UNAVAILABLE);
    expect(await codeOf("DELETE", `/${doomed}`)).toEqual(UNAVAILABLE);
    expect(await ready()).toEqual([503, "storage", "storage_unavailable"]);
    expect(filesIn(mountPoint)).toEqual([]);

    mount();
    await expect.poll(ready, WAIT).toEqual(READY);
    expect((await api.file(kept)).sizeBytes).toBe(4);
    await api.put("after.txt", new TextEncoder().encode("after"));
    await expect.poll(() => existsSync(join(uploads, "default", doomed)), WAIT).toBe(false);
    await unmount();
  });

  test("is swapped for another one writes nothing there", async () => {
    const folder = tempFolder();
    const own = await disk(folder, "own");
    const other = await disk(folder, "other");
    // Both used alike: inode numbers, and the number of the device, may well be the same.
    for (const [index, { mount, unmount, mountPoint }] of [other, own].entries()) {
      mount();
      const data = join(folder, String(index));
      mkdirSync(data);
      const { server } = await startOn(data, { FILE_STORAGE_PATH: mountPoint });
      await server.kill("SIGTERM");
      if (index === 0) await unmount();
    }
    const { codeOf, ready } = await startOn(join(folder, "1"), {
      FILE_STORAGE_PATH: own.mountPoint,
    });
    expect(await codeOf("PUT", "/a.txt", "a")).toEqual([201]);
    await own.unmount();
    other.mount();
    const before = filesIn(own.mountPoint);
    expect(await codeOf("PUT", "/b.txt", "b")).toEqual(UNAVAILABLE);
    expect(await ready()).toEqual([503, "storage", "storage_unavailable"]);
    expect(filesIn(own.mountPoint)).toEqual(before);
  });
});
