import { expect, test } from "vitest";
import { fieldPart, filePart, form, type TestApp, testApp } from "../support/test-app.ts";
import { problemOf } from "./problem-of.ts";

const UPLOAD = "/api/v1/upload";

function patch(app: TestApp, id: string, body: unknown, headers: Record<string, string> = {}) {
  return app.send("PATCH", `${UPLOAD}/${id}`, {
    body: typeof body === "string" ? body : JSON.stringify(body),
    headers: { "Content-Type": "application/json", ...headers },
  });
}

async function uploadWith(app: TestApp, metadata: unknown): Promise<string> {
  const sent = form([filePart("x"), fieldPart("metadata", JSON.stringify(metadata))]);
  const answer = await app.send("POST", UPLOAD, sent);
  return ((await answer.json()) as { id: string }).id;
}

test.each([
  [{ a: 1 }, { b: 2 }, { a: 1, b: 2 }],
  [
    { a: 1, b: { c: 1, d: 2 } },
    { a: null, b: { d: null, e: [1, null] } },
    { b: { c: 1, e: [1, null] } },
  ],
  [{ a: [1, 2] }, { a: [3] }, { a: [3] }],
  [{ a: "text" }, { a: { b: null, c: 1 } }, { a: { c: 1 } }],
  [{ a: 1 }, {}, { a: 1 }],
  [{ a: 1 }, null, {}],
])("PATCH /upload/{id} merges %j and %j", async (before, change, after) => {
  const app = await testApp();
  const id = await uploadWith(app, before);
  for (const type of ["application/json", "application/merge-patch+json; charset=utf-8"]) {
    const answer = await patch(app, id, { metadata: change }, { "Content-Type": type });
    expect(answer.status).toBe(200);
    expect(((await answer.json()) as { metadata: unknown }).metadata).toEqual(after);
  }
  const now = await app.send("GET", `${UPLOAD}/${id}`);
  expect(((await now.json()) as { metadata: unknown }).metadata).toEqual(after);
});

test("PATCH /upload/{id} sets and takes back when an upload expires", async () => {
  const app = await testApp();
  const { id } = await app.put("x");
  const set = await patch(app, id, { expires_at: "2026-11-25T02:00:00+02:00" });
  expect(await set.json()).toMatchObject({ expires_at: "2026-11-25T00:00:00.000Z", metadata: {} });
  app.clock.advance(1000);
  const taken = (await (await patch(app, id, { expires_at: null })).json()) as UploadTimes;
  expect(taken).toMatchObject({ expires_at: null, updated_at: "2026-11-24T00:00:01.000Z" });
  for (const wrong of ["2026-11-24T00:00:00Z", "soon", 5, ""]) {
    const answer = await patch(app, id, { expires_at: wrong });
    expect(await answer.clone().text()).toContain('"pointer":"/expires_at"');
    expect(await problemOf(answer)).toMatchObject({ status: 422, code: "invalid_parameter" });
  }
});

interface UploadTimes {
  readonly updated_at: string;
}

test("a PATCH leaves the file's ETag and Last-Modified alone", async () => {
  const app = await testApp();
  const { id } = await app.put("x");
  const headers = async () => {
    const answer = await app.send("HEAD", `${UPLOAD}/${id}/file`);
    return [answer.headers.get("ETag"), answer.headers.get("Last-Modified")];
  };
  const before = await headers();
  app.clock.advance(5000);
  await patch(app, id, { metadata: { a: 1 } });
  expect(await headers()).toEqual(before);
});

test("If-Match lets only one of two changes through; If-None-Match saves a read", async () => {
  const app = await testApp();
  const { id } = await app.put("x");
  const read = await app.send("GET", `${UPLOAD}/${id}`);
  const etag = read.headers.get("ETag") ?? "";
  expect(etag).toMatch(/^"r\d+"$/);
  const same = await app.send("GET", `${UPLOAD}/${id}`, { headers: { "If-None-Match": etag } });
  expect([same.status, await same.text()]).toEqual([304, ""]);
  const first = await patch(app, id, { metadata: { by: "first" } }, { "If-Match": etag });
  expect(first.headers.get("ETag")).not.toBe(etag);
  const second = await patch(app, id, { metadata: { by: "second" } }, { "If-Match": etag });
  expect(await problemOf(second)).toMatchObject({ status: 412, code: "precondition_failed" });
  const changed = await app.send("GET", `${UPLOAD}/${id}`, { headers: { "If-None-Match": etag } });
  expect(await changed.json()).toMatchObject({ metadata: { by: "first" } });
  expect((await patch(app, id, {}, { "If-Match": "*" })).status).toBe(200);
});

test.each([
  ["DELETE", "", 204],
  ["POST", "/reprocess", 202],
])("If-Match holds for %s /upload/{id}%s", async (method, path, status) => {
  // Another's change, between our look at it and our own.
  let meanwhile = async () => {};
  const app = await testApp({
    tamperRecords: ({ find }) => ({
      async find(...args) {
        const found = await find(...args);
        await meanwhile();
        return found;
      },
    }),
  });
  const { id } = await app.put("x");
  const url = `${UPLOAD}/${id}`;
  const read = async () => (await app.send("GET", url)).headers.get("ETag") ?? "";
  const act = (tag: string) => app.send(method, url + path, { headers: { "If-Match": tag } });
  const failed = { status: 412, code: "precondition_failed" };
  const old = await read();
  await patch(app, id, { metadata: { a: 1 } });
  expect(await problemOf(await act(old))).toMatchObject(failed);
  expect(await problemOf(await act(`W/${await read()}`))).toMatchObject(failed);
  const tag = await read();
  meanwhile = async () => {
    meanwhile = async () => {};
    await patch(app, id, { metadata: { a: 2 } });
  };
  expect(await problemOf(await act(tag))).toMatchObject(failed);
  expect(await (await app.send("GET", url)).json()).toMatchObject({ metadata: { a: 2 } });
  expect((await act(`"another", ${await read()}`)).status).toBe(status);
});

test("of 10 changes at once none is lost", async () => {
  const app = await testApp();
  const { id } = await app.put("x");
  const names = Array.from({ length: 10 }, (_, i) => `n${i}`);
  const answers = await Promise.all(names.map((n) => patch(app, id, { metadata: { [n]: 1 } })));
  expect(answers.map(({ status }) => status)).toEqual(names.map(() => 200));
  const { metadata } = (await (await app.send("GET", `${UPLOAD}/${id}`)).json()) as {
    metadata: object;
  };
  expect(Object.keys(metadata).sort()).toEqual(names);
});

const deep = (levels: number): string => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;

test.each([
  ["no JSON", "{", 400, "invalid_request"],
  ["a list", "[]", 422, "invalid_parameter"],
  ["null", "null", 422, "invalid_parameter"],
  ["an unknown member", '{"status":"stored"}', 422, "invalid_parameter"],
  ["metadata that is a list", '{"metadata":[]}', 422, "invalid_parameter"],
  ["metadata that is text", '{"metadata":"a"}', 422, "invalid_parameter"],
  ["metadata that is too deep", `{"metadata":${deep(9)}}`, 422, "invalid_metadata"],
  ["metadata that is far too deep", `{"metadata":${deep(2600)}}`, 422, "invalid_metadata"],
  [
    "metadata that is too long",
    `{"metadata":{"a":"${"x".repeat(2048)}"}}`,
    422,
    "invalid_metadata",
  ],
  ["a body that is too long", `{"metadata":{"a":"${"x".repeat(17_000)}"}}`, 413, "body_too_large"],
])("PATCH /upload/{id} refuses %s and changes nothing", async (_, body, status, code) => {
  const app = await testApp();
  const id = await uploadWith(app, { keep: true });
  const before = await (await app.send("GET", `${UPLOAD}/${id}`)).json();
  expect(await problemOf(await patch(app, id, body))).toMatchObject({ status, code });
  expect(await (await app.send("GET", `${UPLOAD}/${id}`)).json()).toEqual(before);
});

test("metadata that grows over its bound by several patches is refused at the last", async () => {
  const app = await testApp();
  const { id } = await app.put("x");
  const big = "x".repeat(1000);
  expect((await patch(app, id, { metadata: { a: big } })).status).toBe(200);
  expect((await patch(app, id, { metadata: { b: big } })).status).toBe(200);
  const third = await problemOf(await patch(app, id, { metadata: { c: big } }));
  expect(third.code).toBe("invalid_metadata");
});

test("a member called __proto__ is a member like any other", async () => {
  const app = await testApp();
  const { id } = await app.put("x");
  const answer = await patch(app, id, '{"metadata":{"__proto__":{"polluted":1},"a":1}}');
  expect(await answer.text()).toContain('"metadata":{"__proto__":{"polluted":1},"a":1}');
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

test("PATCH /upload/{id} takes JSON only, and no upload that is still arriving", async () => {
  const app = await testApp();
  const { id } = await app.put("x");
  const text = await patch(app, id, "{}", { "Content-Type": "text/plain" });
  expect(await problemOf(text)).toMatchObject({ status: 415, code: "unsupported_media_type" });
  expect(text.headers.get("Accept")).toBe("application/json, application/merge-patch+json");
  const empty = await patch(app, id, "");
  expect(await problemOf(empty)).toMatchObject({ status: 400, code: "invalid_request" });
  const gate = new TransformStream<Uint8Array, Uint8Array>();
  const arriving = app.send("PUT", `${UPLOAD}/b.txt`, { body: gate.readable });
  const writer = gate.writable.getWriter();
  await writer.write(new TextEncoder().encode("b"));
  const list = async () =>
    (
      (await (await app.send("GET", `${UPLOAD}?status=uploading`)).json()) as {
        items: { id: string }[];
      }
    ).items;
  await expect.poll(list).toHaveLength(1);
  const early = await patch(app, (await list())[0]?.id ?? "", { metadata: {} });
  expect(await problemOf(early)).toMatchObject({ status: 409, code: "upload_in_progress" });
  await writer.close();
  expect((await arriving).status).toBe(201);
});
