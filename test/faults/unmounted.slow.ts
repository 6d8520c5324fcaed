import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type StrictS3, startStrictS3 } from "../s3/strict-server.ts";
import { ApiClient } from "../support/api-client.ts";
import { canRun } from "../support/can-run.ts";
import { s3Settings } from "../support/s3-app.ts";
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
    server,
    api,
    codeOf,
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

  test("was a fallback, and is not mounted at the start, is taken in once it is mounted", async () => {
    const folder = tempFolder();
    const { mountPoint, mount, unmount } = await disk(folder, "disk");
    mount();
    const first = await startOn(folder, { FILE_STORAGE_PATH: mountPoint });
    const kept = await first.api.put("kept.txt", new TextEncoder().encode("kept"));
    await first.server.kill("SIGTERM");
    await unmount();

    const { api, codeOf, ready } = await startOn(folder, {
      FILE_STORAGE_PATH: join(folder, "new"),
      FILE_STORAGE_FALLBACK: `local:${mountPoint}`,
    });
    expect(await ready()).toEqual([200, "fallbacks", "storage_unavailable"]);
    expect(await codeOf("GET", `/${kept}/file`)).toEqual(UNAVAILABLE);
    expect(await codeOf("PUT", "/new.txt", "new")).toEqual([201]);
    expect(filesIn(mountPoint)).toEqual([]);
    mount();
    await expect.poll(ready, { timeout: 40_000 }).toEqual(READY);
    expect((await api.file(kept)).sizeBytes).toBe(4);
  });
});

/** A way to S3 that takes connections and says nothing on them, until it is opened. */
async function silentWay(s3: StrictS3) {
  let isOpen = false;
  const server = createServer((socket) => {
    socket.on("error", () => {});
    if (!isOpen) return;
    const upstream = connect(Number(new URL(s3.endpoint).port), "127.0.0.1");
    upstream.on("error", () => {});
    socket.pipe(upstream).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    open() {
      isOpen = true;
    },
  };
}

test("a fallback in S3 that does not answer: the server starts, and takes it in by itself", async () => {
  const folder = tempFolder();
  const s3 = await startStrictS3();
  onTestFinished(() => s3.stop());
  const way = await silentWay(s3);
  const settings = s3Settings(s3, await s3.makeBucket());
  const first = await startOn(folder, settings);
  const kept = await first.api.put("kept.txt", new TextEncoder().encode("kept"));
  await first.server.kill("SIGTERM");

  const endpoint = encodeURIComponent(way.endpoint);
  const { FILE_STORAGE_TYPE: _s3, AWS_ENDPOINT_URL_S3: _here, ...keys } = settings;
  const fallback = {
    ...keys,
    FILE_STORAGE_PATH: join(folder, "uploads"),
    FILE_STORAGE_FALLBACK: `s3://${settings["AWS_S3_BUCKET"]}/uploads?endpoint=${endpoint}&id=${s3Id(s3, settings)}`,
  };
  const { api, codeOf, ready } = await startOn(folder, fallback);
  expect(await ready()).toEqual([200, "fallbacks", "storage_timeout"]);
  expect(await codeOf("GET", `/${kept}/file`)).toEqual(UNAVAILABLE);
  expect(await codeOf("PUT", "/new.txt", "new")).toEqual([201]);
  way.open();
  await expect.poll(ready, { timeout: 60_000 }).toEqual(READY);
  expect((await api.file(kept)).sizeBytes).toBe(4);
}, 120_000);

function s3Id(s3: StrictS3, { AWS_S3_BUCKET = "" }: Record<string, string>): string {
  const identity = s3.objects(AWS_S3_BUCKET).find(({ key }) => key.endsWith("storage.json"));
  return JSON.parse(new TextDecoder().decode(identity?.body)).id;
}
