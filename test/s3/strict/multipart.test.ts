import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../raw-request.ts";
import { type StrictS3, startStrictS3 } from "../strict-server.ts";

let server: StrictS3;
beforeAll(async () => {
  server = await startStrictS3({ minPartBytes: 4, pageSize: 2 });
});
afterAll(() => server.stop());

const md5 = (body: string) => createHash("md5").update(body).digest();
const first = (xml: string, name: string) => new RegExp(`<${name}>([^<]*)<`).exec(xml)?.[1] ?? "";

async function begin(headers: Record<string, string> = {}, on = server) {
  const bucket = await on.makeBucket();
  const path = `/${bucket}/key`;
  const created = await ask(on, { method: "POST", path, query: "uploads=", headers });
  const id = first(created.text, "UploadId");
  return {
    bucket,
    path,
    id,
    put: (number: number | string, body: string) =>
      ask(on, { method: "PUT", path, query: `partNumber=${number}&uploadId=${id}`, body }),
    complete: (
      parts: readonly (readonly [number, string])[],
      more: Record<string, string> = {},
    ) => {
      const list = parts.map(
        ([number, etag]) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`,
      );
      const body = `<CompleteMultipartUpload>${list.join("")}</CompleteMultipartUpload>`;
      return ask(on, { method: "POST", path, query: `uploadId=${id}`, body, headers: more });
    },
    list: (query = "") => ask(on, { path, query: `uploadId=${id}${query}` }),
    abort: () => ask(on, { method: "DELETE", path, query: `uploadId=${id}` }),
  };
}
const part = (number: number, body: string) => [number, md5(body).toString("hex")] as const;

test("joins parts, whatever order they came in, under an ETag of their ETags", async () => {
  const upload = await begin({
    "content-type": "text/plain",
    "x-amz-server-side-encryption": "AES256",
  });
  await upload.put(7, "tail");
  await upload.put(2, "wrong");
  expect((await upload.put(2, "head")).headers).toMatchObject({
    etag: `"${md5("head").toString("hex")}"`,
    "x-amz-server-side-encryption": "AES256",
  });
  const joined = createHash("md5").update(md5("head")).update(md5("tail")).digest("hex");
  const done = await upload.complete([part(2, "head"), part(7, "tail")]);
  expect(done).toMatchObject({ status: 200 });
  expect(first(done.text, "ETag")).toBe(`&#34;${joined}-2&#34;`);
  const read = await ask(server, { path: upload.path });
  expect(read).toMatchObject({ text: "headtail", headers: { "content-type": "text/plain" } });
  expect(server.uploadsInProgress(upload.bucket)).toEqual([]);
});

const INCOMPLETE: readonly [string, string, readonly (readonly [number, string])[]][] = [
  ["no part", "MalformedXML", []],
  ["a part that never came", "InvalidPart", [part(1, "head"), part(3, "none")]],
  ["another ETag", "InvalidPart", [part(1, "tail"), part(2, "tail")]],
  ["parts in another order", "InvalidPartOrder", [part(2, "tail"), part(1, "head")]],
  ["a part twice", "InvalidPartOrder", [part(1, "head"), part(1, "head")]],
  ["a small part before the last", "EntityTooSmall", [part(3, "s"), part(4, "last")]],
];

test.each(INCOMPLETE)("completes nothing with %s, and keeps the parts", async (_, code, parts) => {
  const upload = await begin();
  await upload.put(1, "head");
  await upload.put(2, "tail");
  if (code === "EntityTooSmall") await upload.put(3, "s");
  if (code === "EntityTooSmall") await upload.put(4, "last");
  expect(await upload.complete(parts)).toMatchObject({ status: 400, code });
  expect(server.objects(upload.bucket)).toEqual([]);
  expect((await upload.complete([part(1, "head"), part(2, "tail")])).status).toBe(200);
});

test("wants parts of 5 MiB unless set otherwise", async () => {
  const real = await startStrictS3();
  const upload = await begin({}, real);
  await upload.put(1, "head");
  await upload.put(2, "tail");
  const refused = await upload.complete([part(1, "head"), part(2, "tail")]);
  expect(refused.text).toContain(`<MinSizeAllowed>${5 * 1024 ** 2}<`);
  await real.stop();
});

test("wants parts of one length where the provider does", async () => {
  const uniform = await startStrictS3({ minPartBytes: 1, uniformParts: true });
  for (const [bodies, status] of [
    [["12", "34", "5"], 200],
    [["12", "345", "6"], 400],
    [["12", "34", "567"], 400],
  ] as const) {
    const upload = await begin({}, uniform);
    for (const [i, body] of bodies.entries()) await upload.put(i + 1, body);
    const done = await upload.complete(bodies.map((body, i) => part(i + 1, body)));
    expect(done.status).toBe(status);
  }
  await uniform.stop();
});

test("completes under a condition, or not at all", async () => {
  const upload = await begin();
  await upload.put(1, "part");
  await ask(server, { method: "PUT", path: upload.path, body: "first" });
  const lost = await upload.complete([part(1, "part")], { "if-none-match": "*" });
  expect(lost).toMatchObject({ status: 412, code: "PreconditionFailed" });
  expect((await ask(server, { path: upload.path })).text).toBe("first");
  expect(server.uploadsInProgress(upload.bucket)).toHaveLength(1);
});

test("forgets an upload that was aborted or completed", async () => {
  const aborted = await begin();
  await aborted.put(1, "part");
  expect((await aborted.abort()).status).toBe(204);
  const completed = await begin();
  await completed.put(1, "part");
  await completed.complete([part(1, "part")]);
  for (const upload of [aborted, completed]) {
    expect((await upload.put(2, "more")).code).toBe("NoSuchUpload");
    expect((await upload.complete([part(1, "part")])).code).toBe("NoSuchUpload");
    expect((await upload.list()).code).toBe("NoSuchUpload");
    expect((await upload.abort()).code).toBe("NoSuchUpload");
  }
});

test.each([0, 10_001, "x"])("refuses part number %s", async (number) => {
  const upload = await begin();
  expect((await upload.put(number, "part")).code).toBe("InvalidArgument");
});

test("serves an upload only under its own key", async () => {
  const upload = await begin();
  const query = `partNumber=1&uploadId=${upload.id}`;
  const answer = await ask(server, { method: "PUT", path: `${upload.path}2`, query, body: "x" });
  expect(answer.code).toBe("NoSuchUpload");
});

test("lists parts in pages", async () => {
  const upload = await begin();
  for (const number of [1, 2, 5]) await upload.put(number, "part");
  const page = await upload.list();
  expect(page.text.match(/<PartNumber>\d+/g)).toEqual(["<PartNumber>1", "<PartNumber>2"]);
  expect(first(page.text, "IsTruncated")).toBe("true");
  const rest = await upload.list(`&part-number-marker=${first(page.text, "NextPartNumberMarker")}`);
  expect(rest.text.match(/<PartNumber>\d+/g)).toEqual(["<PartNumber>5"]);
  expect(first(rest.text, "IsTruncated")).toBe("false");
});

test("lists uploads in pages, several of one key too", async () => {
  const bucket = await server.makeBucket();
  for (const key of ["a", "b", "b", "b", "c"]) {
    await ask(server, { method: "POST", path: `/${bucket}/p/${key}`, query: "uploads=" });
  }
  const keys: (string | undefined)[] = [];
  let marker = "";
  do {
    const query = `uploads=&prefix=p%2F${marker}`;
    const { text } = await ask(server, { path: `/${bucket}`, query });
    keys.push(...[...text.matchAll(/<Key>([^<]*)/g)].map((match) => match[1]));
    const [key, id] = [first(text, "NextKeyMarker"), first(text, "NextUploadIdMarker")];
    marker = key && `&key-marker=${encodeURIComponent(key)}&upload-id-marker=${id}`;
  } while (marker !== "");
  expect(keys).toEqual(["p/a", "p/b", "p/b", "p/b", "p/c"]);
});
