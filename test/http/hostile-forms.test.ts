import fc from "fast-check";
import { expect, test } from "vitest";
import { fieldPart, filePart, form, testApp } from "../support/test-app.ts";
import { problemOf } from "./problem-of.ts";

const HEADERS = form([]).headers;

test("names that mean something to JavaScript mean nothing in a form", async () => {
  const app = await testApp();
  const metadata = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
  const parts = [
    fieldPart("__proto__", '{"polluted":1}'),
    fieldPart("constructor", "x"),
    fieldPart("metadata", metadata),
    filePart("text"),
    fieldPart("toString", "x"),
  ];
  const answer = await app.send("POST", "/api/v1/upload", form(parts));
  expect(answer.status).toBe(201);
  expect(await answer.text()).toContain(`"metadata":${metadata}`);
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});

test.each([
  ["10,000 fields", Array.from({ length: 10_000 }, (_, i) => fieldPart(`f${i}`, "x"))],
  ["1,000 files", Array.from({ length: 1_000 }, () => filePart("x"))],
  ["a field name of 1 MB", [fieldPart("x".repeat(1_000_000), "x"), filePart("x")]],
  ["a filename of 1 MB", [filePart("x", `filename="${"x".repeat(1_000_000)}"`)]],
  ["part headers of NUL", [{ headers: "\0\0\0: \0", content: "x" }]],
  ["part headers without a name", [{ headers: ": x", content: "x" }]],
  ["part headers that start with a space", [{ headers: " name=file; filename=a", content: "x" }]],
])("POST /upload answers %s with 400 and keeps nothing", async (_, parts) => {
  const app = await testApp({ env: { MAX_UPLOAD_BYTES: "10MiB" } });
  const answer = await app.send("POST", "/api/v1/upload", form(parts));
  expect((await problemOf(answer)).status).toBe(400);
  expect(await app.kept()).toEqual({ files: 0, records: 0 });
});

test("POST /upload takes or refuses whatever is done to a form, never fails, and keeps what it took", async () => {
  const good = Buffer.from(
    form([fieldPart("metadata", '{"a":1}'), filePart("some text"), fieldPart("x", "y")]).body,
  );
  const app = await testApp();
  let taken = 0;
  const mutation = fc.record({
    at: fc.nat(good.length),
    remove: fc.nat(20),
    insert: fc.oneof(
      fc.uint8Array({ maxLength: 20 }),
      fc
        .constantFrom("\r\n", "\r\n\r\n", "--boundary", "\r\n--boundary--", "\0", '"', "\n")
        .map(Buffer.from),
    ),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 3 }), async (mutations) => {
      let body = good;
      for (const { at, remove, insert } of mutations) {
        body = Buffer.concat([body.subarray(0, at), insert, body.subarray(at + remove)]);
      }
      const answer = await app.send("POST", "/api/v1/upload", { headers: HEADERS, body });
      expect([201, 400, 413, 422]).toContain(answer.status);
      if (answer.status === 201) taken += 1;
    }),
    { numRuns: 400 },
  );
  expect(taken).toBeGreaterThan(10);
  const { files } = await app.kept();
  expect(files).toBe(taken);
});

test("any path and query is answered, and never with a failure", async () => {
  const app = await testApp();
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("GET", "HEAD", "PUT", "POST", "DELETE", "PATCH"),
      fc.constantFrom("/upload", "/upload/", "/upload?", "/upload?limit=", "/upload?cursor=", ""),
      fc.oneof(fc.webPath(), fc.string({ unit: "binary" }).map(encodeURIComponent)),
      async (method, prefix, rest) => {
        const body = method === "PUT" || method === "POST" ? "x" : null;
        const answer = await app.send(method, `/api/v1${prefix}${rest}`, { body });
        expect(answer.status, `${method} ${prefix}${rest}`).toBeLessThan(500);
      },
    ),
    { numRuns: 500 },
  );
});
