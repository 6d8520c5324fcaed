import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { problemOf } from "../http/problem-of.ts";
import { ask } from "../s3/raw-request.ts";
import { type StrictS3, startStrictS3 } from "../s3/strict-server.ts";
import { S3_PART_BYTES, s3App } from "../support/s3-app.ts";
import { LEASE_MS } from "../support/services.ts";
import { testApp } from "../support/test-app.ts";

let s3: StrictS3;
beforeAll(async () => {
  s3 = await startStrictS3();
});
afterAll(() => s3.stop());

const IDENTITY = "uploads/.stowage/storage.json";
const OTHER = JSON.stringify({ id: "0199e4d4-0000-7000-8000-000000000001" });
const UNAVAILABLE = { status: 503, code: "storage_unavailable" };

/** A service over a bucket that others empty, fill and bring back. */
async function scene() {
  const bucket = await s3.makeBucket();
  const { env, ...parts } = s3App(s3, bucket);
  const app = await testApp({ ...parts, env: { ...env, MAX_UPLOAD_BYTES: "64MiB" } });
  const store = async (key: string, body: string | Uint8Array) => {
    await ask(s3, { method: "PUT", path: `/${bucket}/${key}`, body });
  };
  return {
    ...app,
    bucket,
    store,
    problem: async (method: string, path: string, body: RequestInit["body"] = null) =>
      await problemOf(await app.send(method, `/api/v1/upload/${path}`, { body })),
    keys: () => s3.objects(bucket).map(({ key }) => key),
    /** @returns What brings everything back. */
    async empty() {
      const objects = s3.objects(bucket);
      for (const { key } of objects) await ask(s3, { method: "DELETE", path: `/${bucket}/${key}` });
      return async () => {
        for (const { key, body } of objects) await store(key, body);
      };
    },
    ready: async () =>
      (await app.send("GET", "/health/ready", { headers: { Authorization: "" } })).status,
    logged: (event: string) => app.log.filter((line) => line.event === event).length,
  };
}

test.each<[string, string | null]>([
  ["emptied", null],
  ["replaced by another storage", OTHER],
  ["replaced by something else", "hello"],
])("a bucket that was %s is neither written to nor deleted from until it is back", async (_what, identity) => {
  const app = await scene();
  const { id } = await app.put("from before");
  expect(await app.ready()).toBe(200);
  const restore = await app.empty();
  if (identity !== null) await app.store(IDENTITY, identity);
  const planted = app.keys();

  await app.stowage.storageWatch.check();
  expect(await app.ready()).toBe(503);
  expect(await app.problem("PUT", "new.txt", "new")).toEqual(UNAVAILABLE);
  // The refused upload left no row that would hold quota until the storage is back.
  expect(await app.rows()).toBe(1);
  expect(await app.problem("GET", `${id}/file`)).toEqual(UNAVAILABLE);
  expect(await app.problem("DELETE", id)).toEqual(UNAVAILABLE);
  app.clock.advance(2 * LEASE_MS);
  expect(await app.stowage.reconciler.run()).toMatchObject({ removed: 0, deferred: 1 });
  expect(app.keys()).toEqual(planted);
  expect(app.logged("storage.replaced")).toBe(1);

  await restore();
  app.clock.advance(2 * LEASE_MS);
  expect((await app.put("after")).id).toBeTruthy();
  expect(await app.ready()).toBe(200);
  expect(app.logged("storage.restored")).toBe(1);
  expect(await app.stowage.reconciler.run()).toMatchObject({ removed: 1, deferred: 0 });
  expect(app.keys().filter((key) => key.includes(id))).toEqual([]);
});

test("a bucket that was replaced is noticed within 60 s, though nothing is asked", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const app = await scene();
  app.stowage.start();
  await app.empty();
  vi.advanceTimersByTime(60_000);
  await expect.poll(() => app.logged("storage.replaced")).toBe(1);
  expect(await app.problem("PUT", "new.txt", "new")).toEqual(UNAVAILABLE);
});

test("a file that is missing because its bucket was emptied is not reported as lost", async () => {
  const app = await scene();
  const { id } = await app.put("from before");
  await app.empty();
  expect(await app.problem("GET", `${id}/file`)).toEqual(UNAVAILABLE);
  expect(await app.problem("DELETE", id)).toEqual(UNAVAILABLE);
});

test("a file that is missing in the right bucket stays object_not_found", async () => {
  const app = await scene();
  const { id } = await app.put("from before");
  const key = app.keys().find((one) => one.includes(id));
  await ask(s3, { method: "DELETE", path: `/${app.bucket}/${key}` });
  const missing = { status: 500, code: "object_not_found" };
  expect(await app.problem("GET", `${id}/file`)).toEqual(missing);
});

test("an upload in parts whose bucket is replaced under it is not acknowledged, and not kept there", async () => {
  const app = await scene();
  async function* body() {
    yield new Uint8Array(S3_PART_BYTES + 1);
    await expect.poll(() => s3.uploadsInProgress(app.bucket)).toHaveLength(1);
    await app.empty();
    await app.store(IDENTITY, OTHER);
    await app.stowage.storageWatch.check();
    yield new Uint8Array(1);
  }
  const stream = ReadableStream.from(body());
  expect(await app.problem("PUT", "large.bin", stream)).toEqual(UNAVAILABLE);
  expect(app.keys()).toEqual([IDENTITY]);
  expect(await app.rows()).toBe(1);
});
