import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { problemOf } from "../http/problem-of.ts";
import { ask } from "../s3/raw-request.ts";
import { fault, type StrictS3, startStrictS3 } from "../s3/strict-server.ts";
import { S3_PART_BYTES, s3App } from "../support/s3-app.ts";
import { ACME, LEASE_MS } from "../support/services.ts";
import { testApp } from "../support/test-app.ts";

let s3: StrictS3;
beforeAll(async () => {
  s3 = await startStrictS3();
});
afterEach(() => {
  s3.faults.clear();
  s3.access.allowAll();
});
afterAll(() => s3.stop());

const LARGE = new Uint8Array(2 * S3_PART_BYTES + 1);
const NOTHING = { files: 0, rows: 0, parts: 0 };

/** The service over a bucket, with what a caller sees and what is kept. `server`: another than the shared one. */
async function start(overrides: Record<string, unknown> = {}, server = s3) {
  const bucket = await server.makeBucket();
  const { env, ...parts } = s3App(server, bucket, { maxAttempts: 1, ...overrides });
  const app = await testApp({ ...parts, env: { ...env, MAX_UPLOAD_BYTES: "64MiB" } });
  const upload = async (body: RequestInit["body"]) => {
    const answer = await app.send("PUT", "/api/v1/upload/a.bin", { body });
    const reported = JSON.stringify([...answer.headers]) + (await answer.clone().text());
    expect(reported).not.toContain(bucket);
    const retryAfter = answer.headers.get("retry-after");
    return { ...(await problemOf(answer)), retryAfter };
  };
  const left = async () => {
    const own = "uploads/.stowage/";
    const files = server.objects(bucket).filter(({ key }) => !key.startsWith(own)).length;
    return { files, rows: await app.rows(), parts: server.uploadsInProgress(bucket).length };
  };
  return {
    ...app,
    bucket,
    upload,
    left,
    /** What is left once the reconciler has found every reservation expired. */
    async leftLater() {
      app.clock.advance(2 * LEASE_MS);
      await app.stowage.reconciler.run();
      return await left();
    },
    ready: async () =>
      (await app.send("GET", "/health/ready", { headers: { Authorization: "" } })).status,
  };
}

const UNAVAILABLE = { status: 503, code: "storage_unavailable", retryAfter: "5" };

test("an endpoint that is gone: 503 to uploads and downloads, and what the records know goes on", async () => {
  const server = await startStrictS3();
  const app = await start({}, server);
  const before = await app.put("from before");
  await server.stop();
  expect(await app.upload("x")).toEqual(UNAVAILABLE);
  expect(await app.upload(LARGE)).toEqual(UNAVAILABLE);
  const file = await app.send("GET", `/api/v1/upload/${before.id}/file`);
  expect([file.status, file.headers.get("retry-after")]).toEqual([503, "5"]);
  const head = await app.send("HEAD", `/api/v1/upload/${before.id}/file`);
  expect(head.status).toBe(200);
  expect((await app.send("GET", "/api/v1/upload")).status).toBe(200);
  expect(await app.ready()).toBe(503);
});

test("an endpoint that goes in the middle of a body and comes back: nothing is left of it", async () => {
  const app = await start();
  expect(await app.ready()).toBe(200);
  let isDown = false;
  const outage = s3.faults.add({
    action: "*",
    when({ action }) {
      isDown ||= action === "UploadPart";
      return isDown;
    },
    do: fault.closeBeforeAnswer("reset"),
  });
  expect(await app.upload(LARGE)).toEqual(UNAVAILABLE);
  // A failure is seen at once, however good the last answer was.
  expect(await app.ready()).toBe(503);
  expect(await app.left()).toMatchObject({ parts: 1, rows: 1 });
  outage.remove();
  app.clock.advance(2_000);
  expect(await app.ready()).toBe(200);
  expect(await app.leftLater()).toEqual(NOTHING);
  expect((await app.put("after")).id).toBeTruthy();
});

test("a part that fails: its upload is aborted at once", async () => {
  const app = await start();
  const failing = { action: "UploadPart", do: fault.answer(500, "InternalError") } as const;
  s3.faults.add({ ...failing, when: ({ query }) => new Map(query).get("partNumber") === "2" });
  expect(await app.upload(LARGE)).toEqual(UNAVAILABLE);
  expect(await app.left()).toEqual(NOTHING);
});

test("a part that fails and an abort that fails too: the reconciler finishes, without a right to list", async () => {
  const app = await start();
  s3.access.deny("s3:ListBucketMultipartUploads");
  s3.faults.add({ action: "UploadPart", do: fault.answer(500, "InternalError") });
  const aborts = s3.faults.add({
    action: "AbortMultipartUpload",
    do: fault.answer(503, "ServiceUnavailable"),
  });
  expect(await app.upload(LARGE)).toEqual(UNAVAILABLE);
  expect(await app.left()).toEqual({ files: 0, parts: 1, rows: 1 });
  expect(await app.leftLater()).toMatchObject({ parts: 1 });
  aborts.remove();
  expect(await app.leftLater()).toEqual(NOTHING);
});

test("a completion that fails: nothing is left", async () => {
  const app = await start();
  s3.faults.add({ action: "CompleteMultipartUpload", do: fault.errorInside("InternalError") });
  expect(await app.upload(LARGE)).toEqual(UNAVAILABLE);
  expect(await app.left()).toEqual(NOTHING);
});

test("30 % of all requests throttled: no upload, no download and no deletion is lost", async () => {
  const app = await start({ maxAttempts: undefined });
  let count = 0;
  const throttled = s3.faults.add({
    action: "*",
    when() {
      count += 1;
      return count % 10 < 3;
    },
    do: fault.answer(503, "SlowDown"),
  });
  const ids = await Promise.all(
    Array.from({ length: 30 }, async (_, n) => (await app.put(`hello ${n}`)).id),
  );
  await Promise.all(
    ids.map(async (id, n) => {
      const file = await app.send("GET", `/api/v1/upload/${id}/file`);
      expect(await file.text()).toBe(`hello ${n}`);
      expect((await app.send("DELETE", `/api/v1/upload/${id}`)).status).toBe(204);
    }),
  );
  expect(throttled.hits).toBeGreaterThan(30);
  expect(await app.left()).toEqual(NOTHING);
});

test.each([
  ["3 times", 3, 201],
  ["for ever", Number.POSITIVE_INFINITY, 503],
])("every kind of request throttled %s: a large upload is stored whole or not at all", async (_, times, status) => {
  const app = await start({ maxAttempts: 4 });
  const seen = new Map<string, number>();
  s3.faults.add({
    action: "*",
    when({ action = "" }) {
      seen.set(action, (seen.get(action) ?? 0) + 1);
      return (seen.get(action) ?? 0) <= times;
    },
    do: fault.answer(503, "SlowDown"),
  });
  const answer = await app.send("PUT", "/api/v1/upload/a.bin", { body: LARGE });
  expect(answer.status).toBe(status);
  s3.faults.clear();
  if (status === 201) {
    const { id } = (await answer.json()) as { id: string };
    const file = await app.send("GET", `/api/v1/upload/${id}/file`);
    expect((await file.arrayBuffer()).byteLength).toBe(LARGE.byteLength);
  } else {
    expect(await problemOf(answer)).toEqual({ status: 503, code: "storage_unavailable" });
    expect(answer.headers.get("retry-after")).toBe("5");
    expect(await app.leftLater()).toEqual(NOTHING);
  }
});

test("a put that is denied: 503, not the caller's 403, and readiness says so", async () => {
  const app = await start();
  s3.access.deny("s3:PutObject");
  const denied = { status: 503, code: "storage_access_denied", retryAfter: "5" };
  expect(await app.upload("x")).toEqual(denied);
  expect(await app.upload(LARGE)).toEqual(denied);
  expect(await app.left()).toEqual(NOTHING);
  expect(await app.ready()).toBe(503);
  s3.access.allowAll();
  app.clock.advance(2_000);
  expect(await app.ready()).toBe(200);
});

test("a bucket that was deleted meanwhile: 503, never a missing upload", async () => {
  const app = await start();
  const { id } = await app.put("from before");
  const gone = s3.faults.add({ action: "*", do: fault.answer(404, "NoSuchBucket") });
  const refused = { status: 503, code: "storage_misconfigured", retryAfter: "5" };
  expect(await app.upload("x")).toEqual(refused);
  expect(await app.upload(LARGE)).toEqual(refused);
  expect(await problemOf(await app.send("GET", `/api/v1/upload/${id}/file`))).toEqual({
    status: 503,
    code: "storage_misconfigured",
  });
  expect(await app.ready()).toBe(503);
  gone.remove();
  expect(await app.leftLater()).toEqual({ files: 1, rows: 1, parts: 0 });
});

// Behind its end S3 answers 416; a range across it comes shorter.
test.each([
  undefined,
  "bytes=0-9",
  "bytes=400-600",
  "bytes=600-",
  "bytes=500-500",
])("an object that was cut short in the bucket: 500, asked for with range %s", async (range) => {
  const app = await start();
  const { id } = await app.put("x".repeat(1000));
  const { key } = s3.objects(app.bucket).find((object) => object.key.endsWith("/a.txt")) ?? {};
  const cut = { method: "PUT", path: `/${app.bucket}/${key}`, body: "x".repeat(500) };
  expect((await ask(s3, cut)).status).toBe(200);
  const headers: Record<string, string> = range === undefined ? {} : { Range: range };
  const answer = await app.send("GET", `/api/v1/upload/${id}/file`, { headers });
  expect(answer.headers.get("retry-after")).toBeNull();
  expect(await problemOf(answer)).toEqual({ status: 500, code: "object_corrupt" });
  expect(app.stowage.storages.primary.corruption.reads).toBe(1);
});

test.each([
  "PutObject",
  "UploadPart",
] as const)("an answer to %s that never comes: 504 within the driver's patience", async (action) => {
  const app = await start({ timeouts: { responseMs: 100, minBytesPerSecond: 2 ** 30 } });
  s3.faults.add({ action, do: fault.stallRequest() });
  const answer = await app.upload(action === "PutObject" ? "x" : LARGE);
  expect(answer).toEqual({ status: 504, code: "storage_timeout", retryAfter: "5" });
  s3.faults.clear();
  expect(await app.leftLater()).toEqual(NOTHING);
});

test("an answer to the put that is lost: whatever was stored, nothing is left where 503 was said", async () => {
  const app = await start();
  s3.faults.add({ action: "PutObject", do: fault.loseAnswer() });
  expect(await app.upload("x")).toEqual(UNAVAILABLE);
  expect(await app.left()).toEqual(NOTHING);
});

test("deleting while S3 is away: reads as missing at once, and is finished later", async () => {
  const app = await start();
  const { id } = await app.put("hello");
  const outage = s3.faults.add({ action: "*", do: fault.closeBeforeAnswer("reset") });
  const answer = await app.send("DELETE", `/api/v1/upload/${id}`);
  expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "5"]);
  expect((await app.send("GET", `/api/v1/upload/${id}`)).status).toBe(404);
  outage.remove();
  expect(await app.leftLater()).toEqual(NOTHING);
});

test("processing while S3 is away waits for it, and takes no try of the document", async () => {
  const app = await start();
  const { id } = await app.put("hello", "a.txt", "?auto_process=true");
  const outage = s3.faults.add({ action: "*", do: fault.closeBeforeAnswer("reset") });
  app.stowage.worker.start();
  const get = async () => await (await app.send("GET", `/api/v1/upload/${id}`)).json();
  await expect
    .poll(get)
    .toMatchObject({ status: "queued", processing: { error: { code: "storage_unavailable" } } });
  outage.remove();
  app.clock.advance(60_000);
  await app.stowage.worker.idle();
  await app.stowage.worker.stop();
  app.stowage.worker.start();
  await expect.poll(get).toMatchObject({ status: "processed", processing: { attempts: 1 } });
});

test("a body that is not what its digest says leaves neither an object nor parts in the bucket", async () => {
  const app = await start();
  for (const body of [LARGE, new Uint8Array(100_000), "x"]) {
    const headers = { "Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA==" };
    const answer = await app.send("PUT", "/api/v1/upload/a.bin", { body, headers });
    expect(await problemOf(answer)).toEqual({ status: 422, code: "digest_mismatch" });
    expect(await app.left()).toEqual(NOTHING);
  }
});

test("a body that runs out of quota among its parts leaves none in the bucket, and takes nothing of the quota", async () => {
  const app = await start();
  await app.tenants.set(ACME, { quotaBytes: S3_PART_BYTES + 100 });
  const body = new Blob([LARGE]).stream();
  const quotaExceeded = { status: 413, code: "quota_exceeded", retryAfter: null };
  expect(await app.upload(body)).toEqual(quotaExceeded);
  expect(await app.left()).toEqual(NOTHING);
  const rest = new Blob([LARGE.subarray(0, S3_PART_BYTES + 100)]).stream();
  const answer = await app.send("PUT", "/api/v1/upload/a.bin", { body: rest });
  expect(answer.status).toBe(201);
});
