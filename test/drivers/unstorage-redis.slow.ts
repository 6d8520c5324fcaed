import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { conformanceCases, register } from "../../drivers/conformance/index.ts";
import unstorage from "../../drivers/unstorage.ts";
import { isStowageError, parseObjectKey, type StorageDriver } from "../../src/driver.ts";
import { inspecting, WITHOUT_PROCESSING } from "../cli/doctor/scene.ts";
import { stowage } from "../cli/terminal.ts";
import { ApiClient } from "../support/api-client.ts";
import { testDriverContext } from "../support/driver-context.ts";
import { ServerProcess } from "../support/server-process.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { hasRedis, RedisServer } from "./unstorage/redis-server.ts";

const KEY = parseObjectKey("acme/0199/cv.pdf");

describe.skipIf(!hasRedis())("the unstorage driver over a Redis server", () => {
  let redis: RedisServer;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "stowage-redis-"));
    redis = await RedisServer.start(folder);
  });
  afterAll(async () => {
    await redis?.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = (options: Readonly<Record<string, string>> = {}) =>
    unstorage.open({ path: "redis/files", url: redis.url, ...options }, testDriverContext());
  const put = (driver: StorageDriver, text: string) =>
    driver.put(KEY, { kind: "bytes", bytes: new TextEncoder().encode(text) });
  const read = async (driver: StorageDriver) =>
    await new Response((await driver.get(KEY)).stream).text();

  register(
    test,
    conformanceCases({ open: () => open({ base: "conformance" }), keepsObjectsInMemory: true }),
  );

  test("a server that dies is storage_unavailable until it is back; what was stored is there", async () => {
    const driver = await open();
    await put(driver, "before");
    const stored: number[] = [];
    const errors: unknown[] = [];
    let count = 0;
    const write = async (): Promise<void> => {
      for (;;) {
        const index = count++;
        const body = { kind: "bytes", bytes: new Uint8Array(300_000).fill(index) } as const;
        await driver.put(parseObjectKey(`acme/0200/${index}`), body);
        stored.push(index);
        if (stored.length === 10) void redis.kill();
      }
    };
    for (const outcome of await Promise.allSettled([write(), write(), write(), write()])) {
      if (outcome.status === "rejected") errors.push(outcome.reason);
    }
    await redis.kill();
    expect(errors).toHaveLength(4);
    for (const call of [() => put(driver, "x"), () => driver.get(KEY), () => driver.list("")]) {
      errors.push(await call().catch((error: unknown) => error));
    }
    expect((await driver.check()).healthy).toBe(false);
    for (const error of errors) {
      expect(error).toMatchObject({ code: "storage_unavailable", retryable: true });
    }
    await redis.start();
    await reachable(driver);
    expect(await read(driver)).toBe("before");
    const { objects } = await driver.list("acme/0200/");
    const listed = objects.map(({ key }) => Number(key.split("/").at(-1)));
    expect(listed).toEqual(expect.arrayContaining(stored));
    for (const { key } of objects) {
      const bytes = new Uint8Array(
        await new Response((await driver.get(key)).stream).arrayBuffer(),
      );
      const expected = Buffer.alloc(300_000, Number(key.split("/").at(-1)));
      expect(expected.equals(bytes)).toBe(true);
    }
    await driver.dispose?.();
  });

  test("a server that falls silent is storage_timeout, and one that wakes up is used again", async () => {
    const driver = await open({ timeout_ms: "300" });
    await put(driver, "before");
    redis.signal("SIGSTOP");
    try {
      await expect(driver.head(KEY)).rejects.toMatchObject({
        code: expect.stringMatching(/^storage_(timeout|unavailable)$/),
        retryable: true,
      });
    } finally {
      redis.signal("SIGCONT");
    }
    await reachable(driver);
    expect(await read(driver)).toBe("before");
    await driver.dispose?.();
  });

  test("a wrong password is storage_access_denied", async () => {
    const driver = await open({ url: redis.url.replace(redis.password, "wrong") });
    await expect(driver.head(KEY)).rejects.toMatchObject({ code: "storage_access_denied" });
    await driver.dispose?.();
  });

  test("nothing of a prefix or base is seen by another", async () => {
    const [one, other] = await Promise.all([open({ base: "one" }), open({ base: "other" })]);
    await put(one, "mine");
    expect(await other.head(KEY)).toBeNull();
    expect((await other.list("")).objects).toEqual([]);
    const client = new Redis(redis.url);
    expect(await client.keys("one:*")).toContain("one:files:acme:0199:cv.pdf_i");
    client.disconnect();
    await Promise.all([one.dispose?.(), other.dispose?.()]);
  });

  test("dispose() leaves nothing open that would keep a process alive", async () => {
    const script = fileURLToPath(new URL("unstorage/put-and-dispose.ts", import.meta.url));
    const child = spawn(process.execPath, [script, redis.url], { stdio: "inherit" });
    expect(await new Promise((resolve) => child.once("exit", resolve))).toBe(0);
    const unused = await open();
    await unused.dispose?.();
  });

  test("serve keeps uploads in Redis, hands them back and removes them, and writes its password to no log", async () => {
    const data = tempFolder();
    const server = await ServerProcess.start({
      FILE_STORAGE_TYPE: "unstorage",
      UNSTORAGE_DRIVER: `redis?url=${redis.url}`,
      FILE_STORAGE_PATH: "served",
      DATABASE_URL: `sqlite:${join(data, "stowage.db")}`,
      LOG_LEVEL: "debug",
    });
    const key = readFileSync(join(data, "first-api-key"), "utf8").trim();
    const api = new ApiClient(server.url, key);
    const body = randomBytes(300_000);
    const sha256 = createHash("sha256").update(body).digest("hex");
    const id = await api.put("My CV.pdf", body);

    const client = new Redis(redis.url);
    client.on("error", () => {}); // it dials anew, as the service does
    onTestFinished(() => client.disconnect());
    // Everything but what says who the storage is.
    const items = async () => {
      const all = await client.keys("served:*");
      return all.filter((item) => !item.startsWith("served:_2estowage:storage.json_")).sort();
    };
    const name = `served:default:${id}:_4dy_20_43_56.pdf`;
    const manifest = String(await client.get(`${name}_i`));
    const [, version] = /^stowage1 (\w+) 0+300000 /.exec(manifest) ?? expect.unreachable(manifest);
    expect(manifest).toContain(sha256);
    expect(await items()).toEqual([`${name}_i`, `${name}_v${version}`]);
    // unstorage's driver for Redis keeps text only.
    const kept = (await client.get(`${name}_v${version}`))?.replace(/^base64:/, "") ?? "";
    expect(body.equals(Buffer.from(kept, "base64"))).toBe(true);

    await redis.kill();
    const away = await api.send("GET", `/${id}/file`).finally(() => redis.start());
    expect(away.status).toBe(503);
    await expect.poll(async () => (await api.send("GET", `/${id}/file`)).status).toBe(200);
    expect(await api.file(id)).toMatchObject({ sizeBytes: 300_000, sha256 });
    await api.delete(id);
    expect(await items()).toEqual([]);
    await server.kill("SIGTERM");
    expect(server.log.length).toBeGreaterThan(3);
    expect(JSON.stringify([server.log, server.unread])).not.toContain(redis.password);
  });

  test("doctor reports why a server that is down cannot be used, and never its password", async () => {
    const uri = `unstorage:redis?url=${redis.url}`;
    const env = { DATABASE_URL: `sqlite:${join(tempFolder(), "stowage.db")}` };
    const doctor = async () =>
      await stowage(["doctor", uri], { env, runtime: inspecting(WITHOUT_PROCESSING) });
    expect((await doctor()).out).toContain("works: write, read, list, delete");
    await redis.kill();
    const { code, out } = await doctor().finally(() => redis.start());
    expect(code).toBe(1);
    expect(out).toMatch(
      /fail {2}Cannot use object in unstorage: .+ \(.+\)\n +→ check that .+ is up/,
    );
    expect(out).not.toContain(redis.password);
  });
});

/** Ask until the driver has found its server again. */
async function reachable(driver: StorageDriver): Promise<void> {
  for (;;) {
    try {
      await driver.head(KEY);
      return;
    } catch (error) {
      if (!isStowageError(error) || !error.retryable) throw error;
    }
  }
}
