import { createHash } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ask, type Wish } from "../raw-request.ts";
import { type StrictS3, startStrictS3 } from "../strict-server.ts";

let server: StrictS3;
let id: string;
beforeAll(async () => {
  server = await startStrictS3();
  await server.makeBucket("bucket");
});
beforeEach(async () => {
  server.access.allowAll();
  await ask(server, { method: "PUT", path: "/bucket/key", body: "x" });
  await ask(server, { method: "POST", path: "/bucket/key", query: "uploads=" });
  id = server.uploadsInProgress("bucket").at(-1)?.id ?? "";
});
afterAll(() => server.stop());

const part = () => ({ method: "PUT", path: "/bucket/key", query: `partNumber=1&uploadId=${id}` });
const batch = "<Delete><Object><Key>key</Key></Object></Delete>";
const NEEDS: readonly [string, string, () => Wish][] = [
  ["PutObject", "s3:PutObject", () => ({ method: "PUT", path: "/bucket/key" })],
  ["GetObject", "s3:GetObject", () => ({ path: "/bucket/key" })],
  ["HeadObject", "s3:GetObject", () => ({ method: "HEAD", path: "/bucket/key" })],
  ["DeleteObject", "s3:DeleteObject", () => ({ method: "DELETE", path: "/bucket/key" })],
  ["HeadBucket", "s3:ListBucket", () => ({ method: "HEAD", path: "/bucket" })],
  ["ListObjectsV2", "s3:ListBucket", () => ({ path: "/bucket", query: "list-type=2" })],
  [
    "CreateMultipartUpload",
    "s3:PutObject",
    () => ({ method: "POST", path: "/bucket/key", query: "uploads=" }),
  ],
  ["UploadPart", "s3:PutObject", () => ({ ...part(), body: "x" })],
  [
    "ListParts",
    "s3:ListMultipartUploadParts",
    () => ({ path: "/bucket/key", query: `uploadId=${id}` }),
  ],
  [
    "AbortMultipartUpload",
    "s3:AbortMultipartUpload",
    () => ({ method: "DELETE", path: "/bucket/key", query: `uploadId=${id}` }),
  ],
  [
    "ListMultipartUploads",
    "s3:ListBucketMultipartUploads",
    () => ({ path: "/bucket", query: "uploads=" }),
  ],
];

test.each(NEEDS)("%s needs %s, and no more", async (_, iamAction, wish) => {
  server.access.deny(iamAction);
  expect((await ask(server, wish())).status).toBe(403);
  server.access.allowAll();
  server.access.allowOnly([iamAction]);
  expect((await ask(server, wish())).status).toBeLessThan(300);
  server.access.allowOnly([]);
  expect((await ask(server, wish())).status).toBe(403);
});

test("a batch is judged key by key", async () => {
  server.access.allowOnly([]);
  const md5 = createHash("md5").update(batch).digest("base64");
  const wish = { method: "POST", path: "/bucket", query: "delete=", body: batch };
  const answer = await ask(server, { ...wish, headers: { "content-md5": md5 } });
  expect(answer).toMatchObject({ status: 200, code: "AccessDenied" });
});

test.each(["GET", "HEAD"])("%s reports what is missing only to who may list", async (method) => {
  const wish = { method, path: "/bucket/none" };
  expect((await ask(server, wish)).status).toBe(404);
  server.access.allowOnly(["s3:GetObject"]);
  expect((await ask(server, wish)).status).toBe(403);
});

test("denies by a pattern of keys", async () => {
  server.access.deny("s3:PutObject", "private/*.txt");
  const put = (path: string) => ask(server, { method: "PUT", path: `/bucket/${path}`, body: "x" });
  expect((await put("private/a.txt")).status).toBe(403);
  expect((await put("private/a.txt2")).status).toBe(200);
  expect((await put("public/a.txt")).status).toBe(200);
});

test("a copy needs to read its source", async () => {
  server.access.deny("s3:GetObject", "key");
  const headers = { "x-amz-copy-source": "/bucket/key" };
  const copy = await ask(server, { method: "PUT", path: "/bucket/copy", headers });
  expect(copy).toMatchObject({ status: 403, code: "AccessDenied" });
});

test("encryption by KMS needs its own permissions", async () => {
  const headers = { "x-amz-server-side-encryption": "aws:kms" };
  const put = { method: "PUT", path: "/bucket/kms", headers };
  server.access.deny("kms:GenerateDataKey");
  expect((await ask(server, put)).status).toBe(403);
  server.access.allowAll();
  expect((await ask(server, put)).status).toBe(200);
  server.access.deny("kms:Decrypt");
  expect((await ask(server, { path: "/bucket/kms" })).status).toBe(403);
  expect((await ask(server, { path: "/bucket/key" })).status).toBe(200);
});

test("a bucket policy denies what is not encrypted", async () => {
  await server.makeBucket("encrypted", { denyUnencrypted: true });
  const headers = { "x-amz-server-side-encryption": "AES256" };
  const path = "/encrypted/key";
  for (const wish of [
    { method: "PUT", path },
    { method: "POST", path, query: "uploads=" },
  ]) {
    expect(await ask(server, wish)).toMatchObject({ status: 403, code: "AccessDenied" });
    expect((await ask(server, { ...wish, headers })).status).toBe(200);
  }
});
