import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { StowageError } from "../../src/domain/errors.ts";
import { UploadSchema } from "../../src/http/schemas.ts";
import { bytesOf } from "../support/services.ts";
import { fieldPart, filePart, form, testApp } from "../support/test-app.ts";
import { problemOf } from "./problem-of.ts";

const UPLOAD = "/api/v1/upload";
const NOTHING = { files: 0, records: 0 };

async function uploadOf(answer: Response) {
  expect(answer.status).toBe(201);
  const upload = UploadSchema.strict().parse(await answer.json());
  expect(answer.headers.get("Location")).toBe(`/api/v1/upload/${upload.id}`);
  return upload;
}

/** A body of unknown length. */
function chunked(...chunks: readonly string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(bytesOf(chunk));
      controller.close();
    },
  });
}

test("POST /upload stores the file of a form, its fields before and after it", async () => {
  const app = await testApp();
  const sent = form([
    fieldPart("metadata", '{"job":7}'),
    filePart("hello", 'filename="C:\\cv\\résumé.txt"'),
    fieldPart("auto_process", "true"),
    fieldPart("whatever", "ignored"),
  ]);
  const upload = await uploadOf(await app.send("POST", UPLOAD, sent));
  expect(upload).toMatchObject({
    tenant_id: "acme",
    filename: "résumé.txt",
    original_filename: "C:\\cv\\résumé.txt",
    size: 5,
    content_type: "text/plain",
    sha256: createHash("sha256").update("hello").digest("hex"),
    status: "queued",
    metadata: { job: 7 },
    created_by: "key:acme",
    created_at: "2026-11-24T00:00:00.000Z",
  });
  const file = await app.send("GET", `${UPLOAD}/${upload.id}/file`);
  expect(await file.text()).toBe("hello");
});

test("POST /upload/ with its slash is the same call", async () => {
  const app = await testApp();
  await uploadOf(await app.send("POST", `${UPLOAD}/`, form([filePart("x")])));
});

test.each([
  ["in the path", `${UPLOAD}/caf%C3%A9%20%252F.txt`, "café %2F.txt"],
  ["in the path, with a slash behind it", `${UPLOAD}/a.txt/`, "a.txt"],
  ["in the query", `${UPLOAD}?filename=caf%C3%A9+1.txt`, "café 1.txt"],
  ["in the query of a path with its slash", `${UPLOAD}/?filename=a.txt`, "a.txt"],
  ["like an encoded query", `${UPLOAD}/a%3Fb%2523c+d%25.txt?x=%FF`, "a?b%23c+d%.txt"],
  ["with a folder before it", `${UPLOAD}/%2e%2e%2Fa.txt/`, "a.txt", "../a.txt"],
  ["in a query with more around it", `${UPLOAD}?a=%FF&?filename=z&file%6Eame=b%2B%26=c&d`, "b+&=c"],
])("PUT /upload stores a body named %s", async (_, path, filename, original = filename) => {
  const app = await testApp();
  const upload = await uploadOf(await app.send("PUT", path, { body: "hello" }));
  expect(upload).toMatchObject({
    filename,
    original_filename: original,
    size: 5,
    status: "stored",
  });
});

test("PUT /upload stores an empty body, and one that comes in chunks", async () => {
  const app = await testApp();
  const empty = await uploadOf(await app.send("PUT", `${UPLOAD}/empty`));
  expect(empty).toMatchObject({ size: 0, content_type: "application/octet-stream" });
  const body = chunked("hel", "", "lo");
  expect(await uploadOf(await app.send("PUT", `${UPLOAD}/a.txt`, { body }))).toMatchObject({
    size: 5,
  });
});

test("auto_process of a call comes before the configured one", async () => {
  const app = await testApp({ env: { AUTO_PROCESS: "true" } });
  expect(await app.put("hello")).toMatchObject({ status: "queued" });
  expect(await app.put("hello", "b.txt", "?auto_process=false")).toMatchObject({
    status: "stored",
  });
});

test("an upload begins its Location with PUBLIC_URL", async () => {
  const app = await testApp({ env: { PUBLIC_URL: "https://files.example.com" } });
  const answer = await app.send("PUT", `${UPLOAD}/a.txt`, { body: "x" });
  expect(answer.headers.get("Location")).toMatch(
    /^https:\/\/files\.example\.com\/api\/v1\/upload\/0/,
  );
});

const deep = `${'{"a":'.repeat(20)}1${"}".repeat(20)}`;

test.each([
  ["no file", form([fieldPart("metadata", "{}")]), 400, "missing_file"],
  ["the file as text", form([fieldPart("file", "hello")]), 422, "invalid_filename"],
  ["two files", form([filePart("x"), filePart("y")]), 400, "too_many_files"],
  [
    "an empty filename",
    form([
      {
        headers:
          'Content-Disposition: form-data; name="file"; filename=""\r\nContent-Type: application/octet-stream',
        content: "x",
      },
    ]),
    422,
    "invalid_filename",
  ],
  ["the filename ..", form([filePart("x", 'filename=".."')]), 422, "invalid_filename"],
  [
    "a filename that ends in a folder",
    form([filePart("x", 'filename="a/.."')]),
    422,
    "invalid_filename",
  ],
  ["a tab in the filename", form([filePart("x", 'filename="a\tb"')]), 422, "invalid_filename"],
  ["NUL in the filename", form([filePart("x", "filename*=UTF-8''a%00b")]), 422, "invalid_filename"],
  [
    "CR and LF in the filename",
    form([filePart("x", "filename*=UTF-8''a%0d%0ab")]),
    422,
    "invalid_filename",
  ],
  ["no final boundary", form([filePart("x")], ""), 400, "invalid_multipart"],
  ["a form that is none", { ...form([]), body: "hello" }, 400, "invalid_multipart"],
  [
    "no boundary",
    { body: form([filePart("x")]).body, headers: { "Content-Type": "multipart/form-data" } },
    400,
    "invalid_multipart",
  ],
  [
    "another type",
    { body: "{}", headers: { "Content-Type": "application/json" } },
    415,
    "unsupported_media_type",
  ],
  ["no type", { body: chunked("x"), headers: {} }, 415, "unsupported_media_type"],
  [
    "a form compressed",
    { ...form([filePart("x")]), headers: { ...form([]).headers, "Content-Encoding": "gzip" } },
    415,
    "unsupported_media_type",
  ],
  [
    "auto_process that is neither",
    form([filePart("x"), fieldPart("auto_process", "yes")]),
    422,
    "invalid_parameter",
  ],
  [
    "auto_process with a capital",
    form([fieldPart("auto_process", "True"), filePart("x")]),
    422,
    "invalid_parameter",
  ],
  [
    "auto_process twice",
    form([fieldPart("auto_process", "true"), fieldPart("auto_process", "true"), filePart("x")]),
    422,
    "invalid_parameter",
  ],
  [
    "metadata that is no JSON",
    form([filePart("x"), fieldPart("metadata", "{")]),
    422,
    "invalid_metadata",
  ],
  [
    "metadata that is a list",
    form([filePart("x"), fieldPart("metadata", "[]")]),
    422,
    "invalid_metadata",
  ],
  [
    "metadata that is null",
    form([filePart("x"), fieldPart("metadata", "null")]),
    422,
    "invalid_metadata",
  ],
  [
    "metadata over 2 KiB",
    form([filePart("x"), fieldPart("metadata", JSON.stringify({ a: "x".repeat(2041) }))]),
    422,
    "invalid_metadata",
  ],
  [
    "metadata that is deep",
    form([filePart("x"), fieldPart("metadata", deep)]),
    422,
    "invalid_metadata",
  ],
  ...["9007199254740993", "[{}, -1e400]", "1e300"].map(
    (number): [string, ReturnType<typeof form>, number, string] => [
      `metadata with ${number}, which would come back as another number`,
      form([filePart("x"), fieldPart("metadata", `{"a":${number}}`)]),
      422,
      "invalid_metadata",
    ],
  ),
  [
    "metadata that is kept in more than 2 KiB",
    form([filePart("x"), fieldPart("metadata", `{"a":[${Array(200).fill("1e15").join()}]}`)]),
    422,
    "invalid_metadata",
  ],
  [
    "a field too long",
    form([filePart("x"), fieldPart("metadata", "x".repeat(10_000))]),
    400,
    "too_many_fields",
  ],
  ["a byte over the limit", form([filePart("x".repeat(101))]), 413, "upload_too_large"],
])("POST /upload refuses %s and keeps nothing", async (_, sent, status, code) => {
  const app = await testApp({ env: { MAX_UPLOAD_BYTES: "100" } });
  const answer = await app.send("POST", UPLOAD, sent);
  expect(await problemOf(answer)).toEqual({ status, code });
  expect(await app.kept()).toEqual(NOTHING);
});

test.each([
  ["auto_process", "maybe", "invalid_parameter", 422],
  ["metadata", "{", "invalid_metadata", 422],
  ["expires_at", "2001-01-01T00:00:00Z", "invalid_parameter", 422],
  ["sha256", "abc", "invalid_digest", 400],
])("POST /upload refuses %s %j that comes before the file without waiting for it", async (name, value, code, status) => {
  const put: string[] = [];
  const app = await testApp({
    tamper: (driver) => ({
      put: async (key, ...rest) => {
        if (!key.startsWith(".stowage/")) put.push(key);
        return await driver.put(key, ...rest);
      },
    }),
  });
  const { headers, body } = form([fieldPart(name, value), filePart("x".repeat(100_000))], "");
  // Its end never comes.
  const unfinished = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(bytesOf(body)),
  });
  const answer = await app.send("POST", UPLOAD, { headers, body: unfinished });
  expect(await problemOf(answer)).toEqual({ status, code });
  expect(put).toEqual([]);
  expect(await app.kept()).toEqual(NOTHING);
});

test.each([
  ["the filename ..", `${UPLOAD}?filename=..`, { body: "x" }, 422, "invalid_filename"],
  ["an empty filename", `${UPLOAD}?filename=`, { body: "x" }, 422, "invalid_filename"],
  [
    "a control character in the filename",
    `${UPLOAD}/a%0Ab`,
    { body: "x" },
    422,
    "invalid_filename",
  ],
  ["NUL in the filename", `${UPLOAD}/a%00b`, { body: "x" }, 422, "invalid_filename"],
  ["a name that is no UTF-8", `${UPLOAD}/%FF.txt`, { body: "x" }, 422, "invalid_filename"],
  [
    "a name half UTF-8",
    `${UPLOAD}/100%25%2541%2F%C3%A9%FF/`,
    { body: "x" },
    422,
    "invalid_filename",
  ],
  ["a surrogate", `${UPLOAD}/%ED%A0%80.txt`, { body: "x" }, 422, "invalid_filename"],
  ["a bare %", `${UPLOAD}/100%.txt`, { body: "x" }, 422, "invalid_filename"],
  ["a query half UTF-8", `${UPLOAD}?filename=%25%2541%FF`, { body: "x" }, 422, "invalid_filename"],
  ["a bare % in the query", `${UPLOAD}?filename=100%`, { body: "x" }, 422, "invalid_filename"],
  ["no filename", UPLOAD, { body: "x" }, 422, "invalid_parameter"],
  ["two filenames", `${UPLOAD}?filename=a&filename=b`, { body: "x" }, 422, "invalid_parameter"],
  [
    "auto_process that is neither",
    `${UPLOAD}/a?auto_process=1`,
    { body: "x" },
    422,
    "invalid_parameter",
  ],
  [
    "a body compressed",
    `${UPLOAD}/a`,
    { body: "x", headers: { "Content-Encoding": "gzip" } },
    415,
    "unsupported_media_type",
  ],
  ["a form", `${UPLOAD}/a`, form([filePart("x")]), 415, "unsupported_media_type"],
  [
    "a part of a file",
    `${UPLOAD}/a`,
    { body: "x", headers: { "Content-Range": "bytes 0-0/2" } },
    400,
    "invalid_request",
  ],
  [
    "a byte over the limit in chunks",
    `${UPLOAD}/a`,
    { body: chunked("x".repeat(50), "x".repeat(51)) },
    413,
    "upload_too_large",
  ],
  [
    "less than was announced",
    `${UPLOAD}/a`,
    { body: chunked("x"), headers: { "Content-Length": "9" } },
    400,
    "body_incomplete",
  ],
] as const)("PUT /upload refuses %s and keeps nothing", async (_, path, sent, status, code) => {
  const app = await testApp({ env: { MAX_UPLOAD_BYTES: "100" } });
  expect(await problemOf(await app.send("PUT", path, sent))).toEqual({ status, code });
  expect(await app.kept()).toEqual(NOTHING);
});

test("a file at the limit is stored, by PUT and by POST", async () => {
  const app = await testApp({ env: { MAX_UPLOAD_BYTES: "100" } });
  await uploadOf(await app.send("PUT", `${UPLOAD}/a`, { body: "x".repeat(100) }));
  await uploadOf(await app.send("POST", UPLOAD, form([filePart("x".repeat(100))])));
});

test.each([
  ["PUT", `${UPLOAD}/a`, { "Content-Length": "101" }],
  ["POST", UPLOAD, { ...form([]).headers, "Content-Length": "9000000" }],
])("%s answers 413 before it reads where the length is known", async (method, path, headers) => {
  let pulls = 0;
  const app = await testApp({
    env: { MAX_UPLOAD_BYTES: "100" },
    requestBody: () => ({
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          pulls += 1;
          return { done: true, value: undefined };
        },
      }),
    }),
  });
  expect(await problemOf(await app.send(method, path, { headers, body: "x" }))).toEqual({
    status: 413,
    code: "upload_too_large",
  });
  expect(pulls).toBe(0);
});

/** A body that counts what is taken of it. */
function counted(
  app: { reported: { bytes: number; ended: boolean } },
  chunkBytes: number,
  chunks: number,
) {
  return async function* () {
    try {
      for (let at = 0; at < chunks; at += 1) {
        app.reported.bytes += chunkBytes;
        yield new Uint8Array(chunkBytes);
      }
    } finally {
      app.reported.ended = true;
    }
  };
}

test("a chunked body is read no further than a little past the limit", async () => {
  const seen = { reported: { bytes: 0, ended: false } };
  const body = counted(seen, 1000, 100_000);
  const app = await testApp({ env: { MAX_UPLOAD_BYTES: "5000" }, requestBody: () => body() });
  const answer = await app.send("PUT", `${UPLOAD}/a`);
  expect(await problemOf(answer)).toEqual({ status: 413, code: "upload_too_large" });
  expect(seen.reported.bytes).toBeLessThan(10_000);
  expect(seen.reported.ended).toBe(true);
  expect(await app.kept()).toEqual(NOTHING);
});

test("a client that goes away leaves nothing, and no error in the log", async () => {
  for (const method of ["PUT", "POST"]) {
    const start = method === "PUT" ? "half" : `--boundary\r\n${filePart("").headers}\r\n\r\nhalf`;
    const app = await testApp({
      requestBody: async function* () {
        yield bytesOf(start);
        throw new StowageError("request_aborted", "Cannot read body: the client has gone");
      },
    });
    const path = method === "PUT" ? `${UPLOAD}/a` : UPLOAD;
    const { headers } = form([]);
    const answer = await app.send(method, path, method === "PUT" ? {} : { headers });
    expect(await problemOf(answer)).toEqual({ status: 499, code: "request_aborted" });
    expect(await app.kept()).toEqual(NOTHING);
    expect(app.log.filter(({ level }) => level === "error" || level === "warn")).toEqual([]);
  }
});

test("a form is let go when the upload fails before its file is read", async () => {
  const seen = { reported: { bytes: 0, ended: false } };
  async function* source() {
    yield bytesOf(`--boundary\r\n${filePart("", 'filename=".."').headers}\r\n\r\n`);
    yield* counted(seen, 100_000, 1000)();
  }
  const ended = Promise.withResolvers<void>();
  const app = await testApp({
    requestBody: async function* () {
      try {
        yield* source();
      } finally {
        ended.resolve();
      }
    },
  });
  const answer = await app.send("POST", UPLOAD, { headers: form([]).headers });
  expect(await problemOf(answer)).toEqual({ status: 422, code: "invalid_filename" });
  await ended.promise;
  expect(seen.reported.bytes).toBeLessThan(2_000_000);
});

test.each([
  ["storage_full", 507, null],
  ["storage_read_only", 503, "5"],
  ["storage_access_denied", 503, "5"],
  ["storage_timeout", 504, "5"],
  ["storage_unavailable", 503, "5"],
] as const)("a storage that says %s makes a %i without its secrets", async (code, status, retry) => {
  const secret = "/srv/secret-bucket/acme";
  const app = await testApp({
    tamper: (driver) => ({
      put: async (key, body, options) => {
        if (key.startsWith(".stowage/")) return await driver.put(key, body, options);
        throw new StowageError(code, `Cannot put ${secret}`, { cause: new Error(secret) });
      },
    }),
  });
  const answer = await app.send("PUT", `${UPLOAD}/a`, { body: "x" });
  expect(answer.headers.get("Retry-After")).toBe(retry);
  expect(await answer.clone().text()).not.toContain("secret");
  expect(await problemOf(answer)).toEqual({ status, code });
  expect(await app.kept()).toEqual(NOTHING);
  const failed = app.log.filter(({ event }) => event === "request.failed");
  expect(failed).toHaveLength(1);
  expect(failed[0]?.fields["requestId"]).toBe(answer.headers.get("X-Request-Id"));
});

test("expires_at is kept, and has to lie in the future", async () => {
  const app = await testApp();
  const at = "2026-11-25T01:00:00+01:00";
  const put = await app.put("hello", "a.txt", `?expires_at=${encodeURIComponent(at)}`);
  expect(put["expires_at"]).toBe("2026-11-25T00:00:00.000Z");
  const sent = form([filePart("hello"), fieldPart("expires_at", at)]);
  expect(await (await app.send("POST", UPLOAD, sent)).json()).toMatchObject({
    expires_at: "2026-11-25T00:00:00.000Z",
  });
  for (const wrong of ["2026-11-23T00:00:00Z", "tomorrow", "2026-11-25", "1795651200", ""]) {
    const query = `?expires_at=${encodeURIComponent(wrong)}`;
    const byPut = await app.send("PUT", `${UPLOAD}/a.txt${query}`, { body: "hello" });
    const asForm = form([filePart("hello"), fieldPart("expires_at", wrong)]);
    for (const answer of [byPut, await app.send("POST", UPLOAD, asForm)]) {
      expect(await answer.clone().text()).toContain('"parameter":"expires_at"');
      const problem = await problemOf(answer);
      expect(problem, wrong).toMatchObject({ status: 422, code: "invalid_parameter" });
    }
  }
  expect(await app.kept()).toEqual({ files: 2, records: 2 });
});

test.each([
  ["NUL", { a: "\0", "\0": 1 }],
  ["lone surrogates", { a: "\ud800", "\udc00": "x\ud83d" }],
  ["all of Unicode", { "👩‍💻": "résumé\u2028\uffff" }],
  ["names that mean something", { constructor: 1, toString: null }],
  ["numbers", { a: [0, -1.5, 1e-7, 9007199254740991, 0.1] }],
])("metadata with %s comes back as it was sent", async (_, metadata) => {
  const app = await testApp();
  const sent = form([filePart("x"), fieldPart("metadata", JSON.stringify(metadata))]);
  const { id } = await uploadOf(await app.send("POST", UPLOAD, sent));
  const answer = await app.send("GET", `${UPLOAD}/${id}`);
  expect(((await answer.json()) as { metadata: unknown }).metadata).toEqual(metadata);
});
