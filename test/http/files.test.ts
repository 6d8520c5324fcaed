import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { StowageError } from "../../src/domain/errors.ts";
import { parseObjectKey } from "../../src/domain/object-key.ts";
import type { StorageDriver } from "../../src/driver.ts";
import { type TestApp, testApp } from "../support/test-app.ts";
import { problemOf } from "./problem-of.ts";

const TEXT = "0123456789".repeat(10);
const SHA256 = createHash("sha256").update(TEXT).digest();
const ETAG = `"${SHA256.toString("hex")}"`;
const CREATED = "Tue, 24 Nov 2026 00:00:00 GMT";

async function stored(text = TEXT, filename = "a.txt") {
  const app = await testApp();
  const { id } = await app.put(text, filename);
  const ask = (headers: Record<string, string> = {}, method = "GET", query = "") =>
    app.send(method, `/api/v1/upload/${id}/file${query}`, { headers });
  return { app, ask };
}

test("GET /upload/{id}/file answers with the bytes and all that is known of them", async () => {
  const { ask } = await stored(TEXT, "naïve.txt");
  const answer = await ask();
  expect(answer.status).toBe(200);
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    "accept-ranges": "bytes",
    "cache-control": "private, no-cache",
    "content-disposition": `attachment; filename="naive.txt"; filename*=UTF-8''na%C3%AFve.txt`,
    "content-length": "100",
    "content-security-policy": "sandbox; default-src 'none'",
    "content-type": "text/plain;charset=UTF-8".split(";")[0],
    etag: ETAG,
    "last-modified": CREATED,
    "repr-digest": `sha-256=:${SHA256.toString("base64")}:`,
    "x-content-type-options": "nosniff",
  });
  expect(await answer.text()).toBe(TEXT);
});

test("HEAD /upload/{id}/file answers the headers of GET without asking the storage", async () => {
  const reads: string[] = [];
  const app = await testApp({
    tamper: (driver) => ({
      get: async (key, options) => {
        reads.push(key);
        return await driver.get(key, options);
      },
      head: async (key, options) => {
        reads.push(key);
        return await driver.head(key, options);
      },
    }),
  });
  const { id } = await app.put(TEXT);
  reads.length = 0;
  const path = `/api/v1/upload/${id}/file`;
  const head = await app.send("HEAD", path, { headers: { Range: "bytes=0-9" } });
  expect(reads).toEqual([]);
  const get = await app.send("GET", path);
  const plain = (answer: Response) =>
    [...answer.headers].filter(([name]) => name !== "x-request-id");
  expect([head.status, plain(head)]).toEqual([get.status, plain(get)]);
  expect(await head.text()).toBe("");
  expect(reads.length).toBeGreaterThan(0);
  await get.body?.cancel();
});

test.each([
  ["bytes=0-9", "bytes 0-9/100", TEXT.slice(0, 10)],
  ["bytes=95-", "bytes 95-99/100", "56789"],
  ["bytes=-3", "bytes 97-99/100", "789"],
  ["bytes=0-1000", "bytes 0-99/100", TEXT],
])("GET with Range %s answers 206", async (range, contentRange, text) => {
  const { ask } = await stored();
  const answer = await ask({ Range: range });
  expect(answer.status).toBe(206);
  expect(answer.headers.get("Content-Range")).toBe(contentRange);
  expect(answer.headers.get("Content-Length")).toBe(String(text.length));
  expect(answer.headers.get("ETag")).toBe(ETAG);
  expect(await answer.text()).toBe(text);
});

test("conditions are answered with 304, 412 and 416", async () => {
  const { ask } = await stored();
  for (const method of ["GET", "HEAD"]) {
    const known = await ask({ "If-None-Match": ETAG }, method);
    expect(known.status).toBe(304);
    expect(known.headers.get("ETag")).toBe(ETAG);
    expect(known.headers.get("Last-Modified")).toBe(CREATED);
    expect(known.headers.has("Content-Length")).toBe(false);
    expect(await known.text()).toBe("");
  }
  expect((await ask({ "If-Modified-Since": CREATED })).status).toBe(304);
  expect(await problemOf(await ask({ "If-Match": '"other"' }))).toEqual({
    status: 412,
    code: "precondition_failed",
  });
  const beyond = await ask({ Range: "bytes=100-" });
  expect(beyond.headers.get("Content-Range")).toBe("bytes */100");
  expect(await problemOf(beyond)).toEqual({ status: 416, code: "range_not_satisfiable" });
  const replaced = await ask({ Range: "bytes=0-9", "If-Range": '"other"' });
  expect([replaced.status, await replaced.text()]).toEqual([200, TEXT]);
});

test.each([
  ["a.txt", TEXT, ""],
  ["a.txt", TEXT, "?inline=1"],
  ["a.pdf", "%PDF-1.7\n", ""],
  ["a.pdf", "%PDF-1.7\n", "?inline=1"],
])("a 304 of %s takes nothing from what a cache has kept of its 200", async (name, text, query) => {
  const { ask } = await stored(text, name);
  const whole = await ask({}, "GET", query);
  await whole.body?.cancel();
  const known = await ask({ "If-None-Match": whole.headers.get("ETag") ?? "" }, "GET", query);
  expect(known.status).toBe(304);
  for (const [header, value] of known.headers) {
    if (header !== "x-request-id")
      expect([header, value]).toEqual([header, whole.headers.get(header)]);
  }
  expect(known.headers.has("Content-Security-Policy")).toBe(true);
});

test("an empty file is answered whole, and has no range", async () => {
  const { ask } = await stored("");
  const whole = await ask();
  expect([whole.status, whole.headers.get("Content-Length"), await whole.text()]).toEqual([
    200,
    "0",
    "",
  ]);
  expect((await ask({ Range: "bytes=0-" })).status).toBe(416);
});

const PDF = "%PDF-1.7\n1 0 obj\n<<>>\nendobj\n";
const SVG =
  '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>';
const HTML = "<!doctype html><script>alert(1)</script>";

test.each([
  ["text", "hello", "text/plain", "inline", "sandbox; default-src 'none'"],
  [
    "a PDF, which no browser shows in a sandbox",
    PDF,
    "application/pdf",
    "inline",
    "frame-ancestors 'none'",
  ],
  ["SVG", SVG, "image/svg+xml", "attachment", "sandbox; default-src 'none'"],
  ["HTML", HTML, "text/html", "attachment", "sandbox; default-src 'none'"],
])("?inline=1 of %s is answered as harmlessly as it can be", async (_, text, type, kind, policy) => {
  const app = await testApp();
  const sent = await app.send("PUT", "/api/v1/upload/a", {
    body: text,
    headers: { "Content-Type": type },
  });
  const { id } = (await sent.json()) as { id: string };
  const ask = (query: string) => app.send("GET", `/api/v1/upload/${id}/file${query}`);
  const answer = await ask("?inline=1");
  const embedding = answer.headers.get("Cross-Origin-Resource-Policy");
  expect(embedding).toBe(type === "application/pdf" ? "cross-origin" : "same-origin");
  expect(answer.headers.get("Content-Disposition")).toBe(`${kind}; filename="a"`);
  expect(answer.headers.get("Content-Security-Policy")).toBe(policy);
  expect(answer.headers.get("X-Content-Type-Options")).toBe("nosniff");
  for (const query of ["", "?inline=0"]) {
    const plain = await ask(query);
    expect(plain.headers.get("Content-Disposition")).toBe('attachment; filename="a"');
    expect(plain.headers.get("Content-Security-Policy")).toBe("sandbox; default-src 'none'");
  }
  expect(await problemOf(await ask("?inline=yes"))).toEqual({
    status: 422,
    code: "invalid_parameter",
  });
});

/** An app whose storage has lost the file, or refuses it. */
async function withRead(code: "object_not_found" | "storage_access_denied" | "storage_timeout") {
  const app: TestApp = await testApp({
    tamper: (driver) => ({
      get: async (key, options) => {
        if (key.startsWith(".stowage/")) return await driver.get(key, options);
        throw new StowageError(code, `Cannot get s3://secret-bucket/${key}`);
      },
    }),
  });
  const { id } = await app.put(TEXT);
  return await app.send("GET", `/api/v1/upload/${id}/file`);
}

test.each([
  ["object_not_found", 500],
  ["storage_access_denied", 503],
  ["storage_timeout", 504],
] as const)("a storage that says %s makes a %i, never the caller's fault", async (code, status) => {
  const answer = await withRead(code);
  expect(await answer.clone().text()).not.toContain("secret");
  expect(await problemOf(answer)).toEqual({ status, code });
});

test("a download that broke off over damage is not resumed past it", async () => {
  let disk: StorageDriver | undefined;
  const app = await testApp({
    tamper: (driver) => {
      disk = driver;
      return {};
    },
  });
  const text = TEXT.repeat(5_000);
  const { id } = await app.put(text);
  const write = (changed: string) =>
    disk?.put(parseObjectKey(`acme/${id}/a.txt`), {
      kind: "once",
      stream: new Blob([changed]).stream(),
    });
  const get = (headers: Record<string, string> = {}) =>
    app.send("GET", `/api/v1/upload/${id}/file`, { headers });
  const resume = {
    Range: "bytes=400000-",
    "If-Range": `"${createHash("sha256").update(text).digest("hex")}"`,
  };

  await write(`${text.slice(0, 300_000)}X${text.slice(300_001)}`);
  await expect((await get()).text()).rejects.toThrow("failed verification");
  expect(await problemOf(await get(resume))).toEqual({ status: 500, code: "object_corrupt" });

  await write(text);
  expect(await problemOf(await get(resume))).toEqual({ status: 500, code: "object_corrupt" });
  expect(await (await get()).text()).toBe(text);
  const rest = await get(resume);
  expect(rest.status).toBe(206);
  expect(await rest.text()).toBe(text.slice(400_000));
});

test("a client that goes away has the storage's stream cancelled", async () => {
  const cancelled = Promise.withResolvers<unknown>();
  const app = await testApp({
    tamper: (driver) => ({
      get: async (key, options) => {
        const read = await driver.get(key, options);
        if (key.startsWith(".stowage/")) return read;
        const endless = new ReadableStream<Uint8Array>({
          pull: (controller) => controller.enqueue(new Uint8Array(10)),
          cancel: cancelled.resolve,
        });
        return { ...read, stream: endless };
      },
    }),
  });
  const { id } = await app.put(TEXT);
  const answer = await app.send("GET", `/api/v1/upload/${id}/file`);
  const reader = answer.body?.getReader();
  await reader?.read();
  await reader?.cancel("gone");
  await cancelled.promise;
});
