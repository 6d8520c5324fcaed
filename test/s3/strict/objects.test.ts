import { afterAll, beforeAll, expect, test } from "vitest";
import { ask, send, sign, type Wish } from "../raw-request.ts";
import { type StrictS3, startStrictS3 } from "../strict-server.ts";

let server: StrictS3;
beforeAll(async () => {
  server = await startStrictS3();
  await server.makeBucket("bucket");
});
afterAll(() => server.stop());

const put = (key: string, body: string | Uint8Array, headers: Record<string, string> = {}) =>
  ask(server, { method: "PUT", path: `/bucket/${key}`, body, headers });
const get = (key: string, headers: Record<string, string> = {}) =>
  ask(server, { path: `/bucket/${key}`, headers });
const keys = () => server.objects("bucket").map(({ key }) => key);

const RANGES: readonly [string, number, string, string | undefined][] = [
  ["bytes=0-3", 206, "0123", "bytes 0-3/10"],
  ["bytes=7-", 206, "789", "bytes 7-9/10"],
  ["bytes=7-99", 206, "789", "bytes 7-9/10"],
  ["bytes=-3", 206, "789", "bytes 7-9/10"],
  ["bytes=-99", 206, "0123456789", "bytes 0-9/10"],
  ["bytes=9-9", 206, "9", "bytes 9-9/10"],
  ["bytes=5-3", 200, "0123456789", undefined],
  ["bytes=0-1,3-4", 200, "0123456789", undefined],
  ["lines=0-1", 200, "0123456789", undefined],
];

test.each(RANGES)("answers a GET of %s: %i", async (range, status, text, contentRange) => {
  await put("digits", "0123456789");
  const answer = await get("digits", { range });
  expect(answer).toMatchObject({ status, text });
  expect(answer.headers["content-range"]).toBe(contentRange);
  const head = await ask(server, { method: "HEAD", path: "/bucket/digits", headers: { range } });
  expect(head).toMatchObject({ status, text: "" });
  expect(head.headers["content-length"]).toBe(String(text.length));
});

test.each([
  "bytes=10-",
  "bytes=10-12",
  "bytes=-0",
])("answers 416 to %s of ten bytes", async (range) => {
  await put("digits", "0123456789");
  const answer = await get("digits", { range });
  expect(answer).toMatchObject({ status: 416, code: "InvalidRange" });
  expect(answer.headers["content-range"]).toBe("bytes */10");
});

test("answers 416 to every range of an empty object", async () => {
  await put("empty", "");
  expect((await get("empty", { range: "bytes=0-0" })).status).toBe(416);
  expect((await get("empty", { range: "bytes=-1" })).status).toBe(416);
  expect(await get("empty")).toMatchObject({ status: 200, text: "" });
});

test("holds reads to their conditions", async () => {
  const { etag = "" } = (await put("conditional", "1")).headers;
  expect((await get("conditional", { "if-match": etag })).status).toBe(200);
  expect((await get("conditional", { "if-match": '"other"' })).status).toBe(412);
  expect((await get("conditional", { "if-none-match": '"other"' })).status).toBe(200);
  const unchanged = await get("conditional", { "if-none-match": etag });
  expect(unchanged).toMatchObject({ status: 304, text: "", headers: { etag } });
});

test("holds writes to their conditions", async () => {
  const { etag = "" } = (await put("once", "1", { "if-none-match": "*" })).headers;
  const again = await put("once", "2", { "if-none-match": "*" });
  expect(again).toMatchObject({ status: 412, code: "PreconditionFailed" });
  expect((await put("once", "2", { "if-match": '"other"' })).status).toBe(412);
  expect((await put("none", "2", { "if-match": etag })).code).toBe("NoSuchKey");
  expect((await get("once")).text).toBe("1");
  expect((await put("once", "2", { "if-match": etag })).status).toBe(200);
});

test("lets exactly one of racing writers win", async () => {
  const writers = Array.from({ length: 20 }, (_, i) =>
    put("raced", `${i}`, { "if-none-match": "*" }),
  );
  const answers = await Promise.all(writers);
  const winners = answers.flatMap(({ status }, i) => (status === 200 ? [`${i}`] : []));
  expect(winners).toHaveLength(1);
  expect((await get("raced")).text).toBe(winners[0]);
});

const DISTINCT = [
  "p/a/./b",
  "p/a/../b",
  "p/b",
  "p/a//b",
  "p/a/b",
  "/p/b",

  "p/./b/..",
  "..",
];

test("refuses conditions of writes, and no others, where the service takes none", async () => {
  const picky = await startStrictS3({ refusesConditions: true });
  await picky.makeBucket("bucket");
  const wish = { path: "/bucket/key", headers: { "if-none-match": "*" } };
  const refused = await ask(picky, { ...wish, method: "PUT", body: "x" });
  expect(refused).toMatchObject({ status: 501, code: "NotImplemented" });
  expect((await ask(picky, { method: "PUT", path: wish.path, body: "x" })).status).toBe(200);
  expect((await ask(picky, wish)).status).toBe(304);
  await picky.stop();
});

test("keeps keys with dot segments and double slashes apart", async () => {
  for (const key of DISTINCT) expect((await put(key, key)).status).toBe(200);
  for (const key of DISTINCT) expect((await get(key)).text).toBe(key);
  expect(keys()).toEqual(expect.arrayContaining(["p/a/./b", "p/a/../b", "/p/b", ".."]));
});

test("decodes keys exactly once", async () => {
  await put("twice%2520encoded%2Bplus+plus", "x");
  await put("dots/./b", "y");
  expect((await get("%64ots/%2e/b")).text).toBe("y");
  expect(keys()).toContain("twice%20encoded+plus+plus");
});

const REFUSED: readonly [string, Wish, number, string][] = [
  ["a bucket that is missing", { path: "/nowhere/key" }, 404, "NoSuchBucket"],
  ["a key that is missing", { path: "/bucket/none" }, 404, "NoSuchKey"],
  ["a key of 1,025 bytes", { path: `/bucket/${"k".repeat(1025)}` }, 400, "KeyTooLongError"],
  ["a path that is no UTF-8", { path: "/bucket/%ff" }, 400, "InvalidURI"],
  ["a lone percent sign", { path: "/bucket/100%" }, 400, "InvalidURI"],
  [
    "a parameter that it does not know",
    { path: "/bucket/key", query: "acl=" },
    501,
    "NotImplemented",
  ],
  ["a list of version 1", { path: "/bucket", query: "prefix=a" }, 501, "NotImplemented"],
  [
    "metadata of more than 2 KiB",
    { method: "PUT", path: "/bucket/m", headers: { "x-amz-meta-a": "v".repeat(2048) } },
    400,
    "MetadataTooLarge",
  ],
  [
    "an unknown storage class",
    { method: "PUT", path: "/bucket/m", headers: { "x-amz-storage-class": "ATTIC" } },
    400,
    "InvalidArgument",
  ],
  [
    "an unknown encryption",
    { method: "PUT", path: "/bucket/m", headers: { "x-amz-server-side-encryption": "rot13" } },
    400,
    "InvalidArgument",
  ],
];

test.each(REFUSED)("refuses %s", async (_, wish, status, code) => {
  expect(await ask(server, wish)).toMatchObject({ status, code });
});

test("takes a key of 1,024 bytes", async () => {
  expect((await put("é".repeat(512).replaceAll("é", "%C3%A9"), "x")).status).toBe(200);
});

test("refuses a body over its limit, before it is read", async () => {
  const small = await startStrictS3({ maxPutBytes: 4 });
  await small.makeBucket("bucket");
  const wish = { method: "PUT", path: "/bucket/key" };
  expect((await ask(small, { ...wish, body: "1234" })).status).toBe(200);
  expect((await ask(small, { ...wish, body: "12345" })).code).toBe("EntityTooLarge");
  expect(small.requests.at(-1)?.bodyBytes).toBe(0);
  await small.stop();
});

test("echoes type, metadata, storage class and encryption", async () => {
  const headers = {
    "content-type": "text/plain",
    "cache-control": "no-store",
    "x-amz-meta-name": "value",
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-server-side-encryption-aws-kms-key-id": "alias/mine",
    "x-amz-storage-class": "STANDARD_IA",
  };
  const stored = await put("described", "x", headers);
  expect(stored.headers).toMatchObject({ "x-amz-server-side-encryption": "aws:kms" });
  expect((await get("described")).headers).toMatchObject(headers);
});

test("copies with what belongs to an object", async () => {
  await put("from", "x", { "content-type": "text/plain", "x-amz-meta-a": "1" });
  const copy = await put("to", "", { "x-amz-copy-source": "/bucket/from" });
  expect(copy.text).toContain("<CopyObjectResult xmlns=");
  const itself = await put("from", "", { "x-amz-copy-source": "/bucket/from" });
  expect(itself).toMatchObject({ status: 400, code: "InvalidRequest" });
  const expected = { "content-type": "text/plain", "x-amz-meta-a": "1" };
  expect(await get("to")).toMatchObject({ text: "x", headers: expected });
});

test("serves buckets by virtual host, and below a base path", async () => {
  await put("hosted", "x");
  const host = `bucket.s3.localhost:${new URL(server.endpoint).port}`;
  expect((await ask(server, { path: "/hosted" }, { host })).text).toBe("x");

  const based = await startStrictS3({ basePath: "/s3" });
  await based.makeBucket("bucket");
  const path = "/s3/bucket/key";
  expect((await ask(based, { method: "PUT", path, body: "y" })).status).toBe(200);
  expect((await ask(based, { path })).text).toBe("y");
  expect((await ask(based, { path: "/bucket/key" })).code).toBe("InvalidURI");
  await based.stop();
});

test("deletes whether there is something or not", async () => {
  await put("gone", "x");
  for (const _ of [1, 2]) {
    const answer = await ask(server, { method: "DELETE", path: "/bucket/gone" });
    expect(answer).toMatchObject({ status: 204, text: "" });
  }
  expect((await get("gone")).code).toBe("NoSuchKey");
});

test("logs what came and how it ended", async () => {
  const raw = await sign(server, { method: "PUT", path: "/bucket/a%20b", body: "12345" });
  await send(server, raw);
  await server.idle();
  expect(server.requests.at(-1)).toMatchObject({
    action: "PutObject",
    method: "PUT",
    rawPath: "/bucket/a%20b",
    path: "/bucket/a b",
    bucket: "bucket",
    key: "a b",
    bodyBytes: 5,
    status: 200,
    outcome: "answered",
  });
});
