import { expect, test } from "vitest";
import { StowageError } from "../../src/domain/errors.ts";
import { ResultSchema, UploadSchema } from "../../src/http/schemas.ts";
import { defineProcessor } from "../../src/processor.ts";
import { ECHO, type TestApp, testApp } from "../support/test-app.ts";
import { problemOf } from "./problem-of.ts";

const FACTS = defineProcessor({
  name: "facts",
  version: "2",
  accepts: ["*/*"],
  process: async (input) => ({ output: { bytes: input.sizeBytes } }),
});

const BROKEN = defineProcessor({
  name: "broken",
  version: "1",
  accepts: ["*/*"],
  process: async () => {
    throw new StowageError("document_encrypted", "Cannot read document: it is encrypted");
  },
});

/** Everything that is queued, processed. */
async function processed(app: TestApp, id: string): Promise<string> {
  app.stowage.worker.start();
  for (;;) {
    const answer = await app.send("GET", `/api/v1/upload/${id}`);
    const { status } = UploadSchema.parse(await answer.json());
    if (status !== "queued" && status !== "processing") return status;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function resultOf(app: TestApp, id: string) {
  const answer = await app.send("GET", `/api/v1/upload/${id}/result`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get("Content-Type")).toBe("application/json");
  return ResultSchema.strict().parse(await answer.json());
}

// Quotes, controls, and characters of two, three and four bytes, in lengths that no chunk size divides.
const HARD = `${'"\\\u0001\u2028é€😀</script>\n'.repeat(20_011)}end`;

test("GET /upload/{id}/result streams the text of a processor as JSON", async () => {
  const app = await testApp({ processors: [ECHO, FACTS] });
  const { id } = await app.put(HARD, "a.txt", "?auto_process=true");
  expect(await processed(app, id)).toBe("processed");
  expect(await resultOf(app, id)).toEqual({
    upload_id: id,
    status: "processed",
    processors: [
      {
        name: "echo",
        version: "1",
        status: "processed",
        error: null,
        output: { characters: HARD.length, text: HARD },
        duration_ms: expect.any(Number),
      },
      {
        name: "facts",
        version: "2",
        status: "processed",
        error: null,
        output: { bytes: Buffer.byteLength(HARD) },
        duration_ms: expect.any(Number),
      },
    ],
  });
});

test("GET /upload/{id}/result holds no text in one piece", async () => {
  const app = await testApp({
    tamper: (driver) => ({
      // A storage that gives the bytes in threes: most characters are cut.
      get: async (key, options) => {
        const read = await driver.get(key, options);
        const bytes = new Uint8Array(await new Response(read.stream).arrayBuffer());
        let at = 0;
        const stream = new ReadableStream<Uint8Array>({
          pull(controller) {
            if (at >= bytes.byteLength) return controller.close();
            controller.enqueue(bytes.slice(at, at + 3));
            at += 3;
          },
        });
        return { ...read, stream };
      },
    }),
  });
  const { id } = await app.put("é€😀".repeat(300), "a.txt", "?auto_process=true");
  await processed(app, id);
  const answer = await app.send("GET", `/api/v1/upload/${id}/result`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.body as ReadableStream<Uint8Array>) chunks.push(chunk);
  expect(Math.max(...chunks.map((chunk) => chunk.byteLength))).toBeLessThan(200);
  const result = ResultSchema.parse(JSON.parse(Buffer.concat(chunks).toString("utf8")));
  expect(result.processors[0]?.output?.["text"]).toBe("é€😀".repeat(300));
});

test("GET /upload/{id}/result is empty before anything has run", async () => {
  const app = await testApp();
  const { id } = await app.put("hello");
  expect(await resultOf(app, id)).toEqual({ upload_id: id, status: "stored", processors: [] });
});

test("HEAD /upload/{id}/result leaves no stream of the storage open", async () => {
  let open = 0;
  const app = await testApp({
    tamper: (driver) => ({
      get: async (key, options) => {
        const read = await driver.get(key, options);
        if (!key.startsWith(".stowage/derived/")) return read;
        open += 1;
        const source = read.stream.getReader();
        const stream = new ReadableStream<Uint8Array>({
          async pull(controller) {
            const next = await source.read();
            if (!next.done) return controller.enqueue(next.value);
            open -= 1;
            controller.close();
          },
          cancel() {
            open -= 1;
          },
        });
        return { ...read, stream };
      },
    }),
  });
  const { id } = await app.put(HARD, "a.txt", "?auto_process=true");
  await processed(app, id);
  expect((await app.send("HEAD", `/api/v1/upload/${id}/result`)).status).toBe(200);
  expect(open).toBe(0);
  const answer = await app.send("GET", `/api/v1/upload/${id}/result`);
  await answer.body?.cancel();
  expect(open).toBe(0);
});

test("a result whose text cannot be read is a problem, not a broken answer", async () => {
  const app = await testApp({
    tamper: (driver) => ({
      get: async (key, options) => {
        if (!key.startsWith(".stowage/derived/")) return await driver.get(key, options);
        throw new StowageError("storage_unavailable", "Cannot get /srv/secret");
      },
    }),
  });
  const { id } = await app.put("hello", "a.txt", "?auto_process=true");
  await processed(app, id);
  const answer = await app.send("GET", `/api/v1/upload/${id}/result`);
  expect(await problemOf(answer)).toEqual({ status: 503, code: "storage_unavailable" });
});

test("a document that cannot be read ends failed with its reason, its file safe", async () => {
  const app = await testApp({ processors: [ECHO, BROKEN] });
  const { id } = await app.put("hello", "a.txt", "?auto_process=true");
  expect(await processed(app, id)).toBe("failed");
  const error = {
    code: "document_encrypted",
    detail: "Cannot read document: it is encrypted",
    retryable: false,
  };
  const upload = await (await app.send("GET", `/api/v1/upload/${id}`)).json();
  expect(upload).toMatchObject({ status: "failed", processing: { attempts: 1, error } });
  const { processors } = await resultOf(app, id);
  expect(processors).toMatchObject([
    { name: "broken", status: "failed", output: null, error },
    { name: "echo", status: "processed", output: { text: "hello" }, error: null },
  ]);
  const file = await app.send("GET", `/api/v1/upload/${id}/file`);
  expect(await file.text()).toBe("hello");
});

const JSON_TYPE = { "Content-Type": "application/json" };

test.each([
  ["nothing", {}],
  ["an empty body with a type", { body: "", headers: JSON_TYPE }],
  ["an empty object", { body: "{}", headers: JSON_TYPE }],
  ["a name", { body: '{"processors":["echo"]}', headers: JSON_TYPE }],
  [
    "a type with a parameter",
    { body: "{}", headers: { "Content-Type": "application/json; charset=utf-8" } },
  ],
])("POST /upload/{id}/reprocess takes %s, and does not double a run", async (_, sent) => {
  const app = await testApp();
  const { id } = await app.put("hello");
  for (let round = 0; round < 2; round += 1) {
    const answer = await app.send("POST", `/api/v1/upload/${id}/reprocess`, sent);
    expect(answer.status).toBe(202);
    expect(UploadSchema.strict().parse(await answer.json())).toMatchObject({
      id,
      status: "queued",
    });
  }
  expect(await processed(app, id)).toBe("processed");
});

test.each([
  ["an unknown processor", '{"processors":["nope"]}', JSON_TYPE, 422, "unknown_processor"],
  ["no processor", '{"processors":[]}', JSON_TYPE, 422, "invalid_parameter"],
  ["another shape", '{"processors":"echo"}', JSON_TYPE, 422, "invalid_parameter"],
  ["a field that is unknown", '{"processor":["echo"]}', JSON_TYPE, 422, "invalid_parameter"],
  ["a list", "[]", JSON_TYPE, 422, "invalid_parameter"],
  ["no JSON", "{", JSON_TYPE, 400, "invalid_request"],
  ["JSON that is no UTF-8", new Uint8Array([0x22, 0xff, 0x22]), JSON_TYPE, 400, "invalid_request"],
  ["deep JSON", "[".repeat(10_000), JSON_TYPE, 400, "invalid_request"],
  [
    "a body over 16 KiB",
    `{"processors":["${"x".repeat(17_000)}"]}`,
    JSON_TYPE,
    413,
    "body_too_large",
  ],
  ["another type", "{}", { "Content-Type": "text/plain" }, 415, "unsupported_media_type"],
  [
    "a compressed body",
    "{}",
    { ...JSON_TYPE, "Content-Encoding": "gzip" },
    415,
    "unsupported_media_type",
  ],
] as const)("POST /upload/{id}/reprocess refuses %s", async (_, body, headers, status, code) => {
  const app = await testApp();
  const { id } = await app.put("hello");
  const path = `/api/v1/upload/${id}/reprocess`;
  expect(await problemOf(await app.send("POST", path, { body, headers }))).toEqual({
    status,
    code,
  });
  const upload = await (await app.send("GET", `/api/v1/upload/${id}`)).json();
  expect(upload).toMatchObject({ status: "stored" });
});

test("a refused body is reported with the place of its mistake", async () => {
  const app = await testApp();
  const { id } = await app.put("hello");
  const answer = await app.send("POST", `/api/v1/upload/${id}/reprocess`, {
    body: '{"processors":["echo",7]}',
    headers: JSON_TYPE,
  });
  expect(await answer.json()).toMatchObject({ errors: [{ pointer: "/processors/1" }] });
});

test.each([
  ["POST", "/reprocess"],
  ["PATCH", ""],
])("%s /upload/{id}%s refuses a body by its length, of which not a byte has come", async (method, path) => {
  const app = await testApp();
  const { id } = await app.put("hello");
  let reads = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        reads += 1;
        controller.error(new Error("It should not have been read"));
      },
    },
    { highWaterMark: 0 },
  );
  const headers = { ...JSON_TYPE, "Content-Length": "1000000" };
  const answer = await app.send(method, `/api/v1/upload/${id}${path}`, { body, headers });
  expect(await problemOf(answer)).toEqual({ status: 413, code: "body_too_large" });
  expect(reads).toBe(0);
});
