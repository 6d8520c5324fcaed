import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { canRun } from "../support/can-run.ts";
import { ServerProcess } from "../support/server-process.ts";
import { tempFolder } from "../support/temp-folder.ts";

const mayMount = canRun(
  process.getuid?.() === 0,
  "full and read-only disks take root, who may mount small filesystems",
);

/** A filesystem of its own, gone when the test is over. */
function mountSmall(folder: string, options: string): void {
  mkdirSync(folder);
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder]);
  onTestFinished(() => void execFileSync("umount", ["-l", folder]));
}

async function startOn(folder: string, where: { readonly uploads: string; readonly data: string }) {
  const server = await ServerProcess.start({
    FILE_STORAGE_PATH: where.uploads,
    DATABASE_URL: `sqlite:${join(where.data, "stowage.db")}`,
  });
  const key = readFileSync(join(where.data, "first-api-key"), "utf8").trim();
  const headers = { authorization: `Bearer ${key}` };
  return {
    folder,
    put: async (bytes: number) => {
      const answer = await fetch(`${server.url}/api/v1/upload/a.bin`, {
        method: "PUT",
        headers,
        body: new Uint8Array(bytes),
      });
      const { code = null } = (await answer.json()) as { code?: string };
      return { status: answer.status, code, retryAfter: answer.headers.get("retry-after") };
    },
    ready: async () => {
      const answer = await fetch(`${server.url}/health/ready`);
      const { checks } = (await answer.json()) as {
        checks: { name: string; error_code: string | null }[];
      };
      const failed = checks.find(({ error_code }) => error_code !== null);
      return [answer.status, failed?.name ?? null, failed?.error_code ?? null];
    },
    list: async () => {
      const answer = await fetch(`${server.url}/api/v1/upload`, { headers });
      return ((await answer.json()) as { items: unknown[] }).items.length;
    },
  };
}

const READY = [200, null, null];

describe.skipIf(!mayMount)("a server whose disk", () => {
  test("is full answers 507, keeps nothing, and is ready again once there is room", async () => {
    const folder = tempFolder();
    const uploads = join(folder, "uploads");
    mountSmall(uploads, "size=2m");
    const server = await startOn(folder, { uploads, data: folder });
    expect(await server.put(3_000_000)).toMatchObject({ status: 507, code: "storage_full" });
    expect(readdirSync(join(uploads, ".stowage/tmp"))).toEqual([]);
    expect(await server.put(100_000)).toMatchObject({ status: 201 });

    const filler = join(uploads, "filler");
    expect(() => writeFileSync(filler, new Uint8Array(4_000_000))).toThrow("ENOSPC");
    expect(await server.put(100_000)).toMatchObject({ status: 507, code: "storage_full" });
    expect(await server.ready()).toEqual([503, "storage", "storage_full"]);
    expect(await server.list()).toBe(1);
    rmSync(filler);
    await expect.poll(server.ready, { timeout: 10_000 }).toEqual(READY);
    expect(await server.put(100_000)).toMatchObject({ status: 201 });
  });

  test("is read-only answers 503 with Retry-After, and readiness follows", async () => {
    const folder = tempFolder();
    const uploads = join(folder, "uploads");
    mountSmall(uploads, "size=2m");
    const server = await startOn(folder, { uploads, data: folder });
    expect(await server.put(1000)).toMatchObject({ status: 201 });
    execFileSync("mount", ["-o", "remount,ro", uploads]);
    expect(await server.put(1000)).toMatchObject({
      status: 503,
      code: "storage_read_only",
      retryAfter: "5",
    });
    expect(await server.ready()).toEqual([503, "storage", "storage_read_only"]);
    execFileSync("mount", ["-o", "remount,rw", uploads]);
    await expect.poll(server.ready, { timeout: 10_000 }).toEqual(READY);
    expect(await server.put(1000)).toMatchObject({ status: 201 });
  });

  test("has no room for the database answers 507, and readiness follows", async () => {
    const folder = tempFolder();
    const data = join(folder, "data");
    mountSmall(data, "size=1m");
    const server = await startOn(folder, { uploads: join(folder, "uploads"), data });
    expect(await server.put(1000)).toMatchObject({ status: 201 });
    expect(() => writeFileSync(join(data, "filler"), new Uint8Array(4_000_000))).toThrow("ENOSPC");
    await expect
      .poll(() => server.put(1000), { timeout: 10_000 })
      .toMatchObject({ status: 507, code: "records_full" });
    expect(await server.ready()).toEqual([503, "records", "records_full"]);
    rmSync(join(data, "filler"));
    await expect.poll(server.ready, { timeout: 10_000 }).toEqual(READY);
    expect(await server.put(1000)).toMatchObject({ status: 201 });
  });
});
