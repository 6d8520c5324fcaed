import { createHash, randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { problemOf } from "../http/problem-of.ts";
import {
  fieldPart,
  filePart,
  form,
  type TestApp,
  type TestAppOptions,
  testApp,
  type UploadJson,
} from "../support/test-app.ts";

/** A storage that the service is run over. */
export interface StorageUnderTest {
  readonly options: Pick<TestAppOptions, "env" | "drivers" | "host" | "now">;
  /** How many uploads in parts are under way or were left behind, where it has such. */
  partsLeft?(): Promise<number> | number;
}

/** From this on S3 takes bodies in parts here. */
const PART_BYTES = 5 * 2 ** 20;

const OTHER = { headers: { Authorization: "Bearer other" } };

/** Names that some layer would spoil if it could. */
const NAMES = [
  "plain.txt",
  "two words.txt",
  "ümläut-日本語-🎉.txt",
  "100%.txt",
  "a%20b.txt",
  "a+b&c=d;e.txt",
  "#?[]{}.txt",
  'it\'s "quoted".txt',
  "~tilde!$*().txt",
  "..two.dots",
  "no-extension",
  `${"long".repeat(60)}.txt`,
];

/** Random, so that no part can stand for another. */
const CONTENT = new Uint8Array(randomBytes(2 * PART_BYTES + 2 ** 20));

function content(sizeBytes: number): Uint8Array<ArrayBuffer> {
  return CONTENT.slice(0, sizeBytes);
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** In chunks, of unknown length; `breaksAfter` so many bytes the client goes away. */
function streamed(bytes: Uint8Array, breaksAfter = Number.POSITIVE_INFINITY): ReadableStream {
  const chunkBytes = 2 ** 18;
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= breaksAfter) return controller.error(new Error("connection reset"));
      if (at >= bytes.byteLength) return controller.close();
      controller.enqueue(bytes.slice(at, at + chunkBytes));
      at += chunkBytes;
    },
  });
}

async function put(app: TestApp, bytes: Uint8Array, name = "a.bin"): Promise<UploadJson> {
  const path = `/api/v1/upload/${encodeURIComponent(name)}`;
  const answer = await app.send("PUT", path, { body: streamed(bytes) });
  expect(answer.status, await answer.clone().text()).toBe(201);
  return (await answer.json()) as UploadJson;
}

async function file(app: TestApp, id: string, headers: Record<string, string> = {}) {
  return await app.send("GET", `/api/v1/upload/${id}/file`, { headers });
}

async function resting(app: TestApp, id: string): Promise<UploadJson> {
  const get = async () =>
    (await (await app.send("GET", `/api/v1/upload/${id}`)).json()) as UploadJson;
  await expect.poll(async () => (await get())["status"]).toMatch(/^(processed|failed)$/);
  return await get();
}

/** What the service is for, over HTTP, on whichever storage. */
export function mainJob(name: string, open: () => Promise<StorageUnderTest>): void {
  const start = async (env: Record<string, string> = {}) => {
    const storage = await open();
    const { options } = storage;
    const largest = { MAX_UPLOAD_BYTES: "64MiB" };
    const app = await testApp({ ...options, env: { ...largest, ...options.env, ...env } });
    return {
      ...app,
      /** Everything that is kept, wherever. */
      async left() {
        const { files } = await app.kept();
        return { files, rows: await app.rows(), parts: (await storage.partsLeft?.()) ?? 0 };
      },
    };
  };
  const nothing = { files: 0, rows: 0, parts: 0 };

  describe(`over ${name}`, () => {
    test("takes uploads by form and raw, lists them, and gives back every byte", async () => {
      const app = await start();
      const raw = await put(app, content(1000), "raw.bin");
      app.clock.advance(1);
      const sent = form([fieldPart("metadata", '{"a":1}'), filePart("hello", 'filename="cv.txt"')]);
      const answer = await app.send("POST", "/api/v1/upload/", sent);
      expect(answer.status).toBe(201);
      const posted = (await answer.json()) as UploadJson;
      expect(posted).toMatchObject({ filename: "cv.txt", size: 5, metadata: { a: 1 } });
      const list = await (await app.send("GET", "/api/v1/upload?limit=10")).json();
      expect(list).toMatchObject({ items: [{ id: posted.id }, { id: raw.id }], next_cursor: null });
      const read = await file(app, raw.id);
      expect(read.headers.get("etag")).toBe(`"${sha256(content(1000))}"`);
      expect(read.headers.get("content-length")).toBe("1000");
      expect(await read.bytes()).toEqual(content(1000));
      expect(await (await file(app, posted.id)).text()).toBe("hello");
    });

    test("answers ranges, conditions and HEAD", async () => {
      const app = await start();
      const bytes = content(1000);
      const { id } = await put(app, bytes);
      for (const [range, start, end] of [
        ["bytes=0-0", 0, 1],
        ["bytes=100-299", 100, 300],
        ["bytes=-7", 993, 1000],
        ["bytes=990-5000", 990, 1000],
      ] as const) {
        const answer = await file(app, id, { Range: range });
        expect(answer.status, range).toBe(206);
        expect(answer.headers.get("content-range")).toBe(`bytes ${start}-${end - 1}/1000`);
        expect(await answer.bytes()).toEqual(bytes.slice(start, end));
      }
      expect((await file(app, id, { Range: "bytes=1000-" })).status).toBe(416);
      const etag = `"${sha256(bytes)}"`;
      expect((await file(app, id, { "If-None-Match": etag })).status).toBe(304);
      const head = await app.send("HEAD", `/api/v1/upload/${id}/file`);
      expect([head.status, head.headers.get("content-length")]).toEqual([200, "1000"]);
      expect(await head.text()).toBe("");
    });

    test("processes on arrival and again, and gives the result", async () => {
      const app = await start();
      app.stowage.start();
      const { id } = await app.put("hello", "a.txt", "?auto_process=true");
      const result = async () =>
        await (await app.send("GET", `/api/v1/upload/${id}/result`)).json();
      for (const round of [1, 2]) {
        expect(await resting(app, id)).toMatchObject({ status: "processed" });
        expect(await result(), `round ${round}`).toMatchObject({
          processors: [{ name: "echo", output: { characters: 5, text: "hello" } }],
        });
        const again = await app.send("POST", `/api/v1/upload/${id}/reprocess`);
        expect(again.status).toBe(202);
      }
      await resting(app, id);
      await app.send("DELETE", `/api/v1/upload/${id}`);
      const derived: string[] = [];
      for await (const { key } of app.stowage.storages.primary.list(".stowage/derived/")) {
        derived.push(key);
      }
      expect(derived).toEqual([]);
    });

    test("deletes for good, and once", async () => {
      const app = await start();
      const { id } = await put(app, content(10));
      expect((await app.send("DELETE", `/api/v1/upload/${id}`)).status).toBe(204);
      expect((await app.send("DELETE", `/api/v1/upload/${id}`)).status).toBe(404);
      expect((await file(app, id)).status).toBe(404);
      expect(await app.left()).toEqual(nothing);
    });

    test("keeps tenants apart", async () => {
      const app = await start();
      const { id } = await put(app, content(10));
      const missing = await problemOf(await app.send("GET", "/api/v1/upload/none", OTHER));
      for (const [method, path] of [
        ["GET", ""],
        ["GET", "/file"],
        ["HEAD", "/file"],
        ["GET", "/result"],
        ["POST", "/reprocess"],
        ["DELETE", ""],
      ] as const) {
        const answer = await app.send(method, `/api/v1/upload/${id}${path}`, OTHER);
        expect(answer.status, `${method} ${path}`).toBe(404);
        if (method !== "HEAD") expect(await problemOf(answer)).toEqual(missing);
      }
      const list = await app.send("GET", "/api/v1/upload", OTHER);
      expect(await list.json()).toMatchObject({ items: [] });
      expect(await (await file(app, id)).bytes()).toEqual(content(10));
    });

    test("keeps every odd filename, apart from every other", async () => {
      const app = await start();
      const uploads: UploadJson[] = [];
      for (const [index, odd] of NAMES.entries()) uploads.push(await put(app, content(index), odd));
      expect(uploads.map(({ filename }) => filename)).toEqual(NAMES);
      for (const [index, { id }] of uploads.entries()) {
        const answer = await file(app, id);
        expect(answer.headers.get("content-disposition"), NAMES[index]).toContain("filename");
        expect(await answer.bytes(), NAMES[index]).toEqual(content(index));
      }
      const keys: string[] = [];
      for await (const { key } of app.stowage.storages.primary.list("acme/")) keys.push(key);
      const expected = uploads.map(({ id }, index) => `acme/${id}/${NAMES[index]}`);
      expect(keys.sort()).toEqual(expected.sort());
      for (const { id } of uploads) await app.send("DELETE", `/api/v1/upload/${id}`);
      expect(await app.left()).toEqual(nothing);
    });

    test("keeps an empty file", async () => {
      const app = await start();
      const { id } = await put(app, new Uint8Array());
      const answer = await file(app, id);
      expect([answer.status, answer.headers.get("content-length")]).toEqual([200, "0"]);
      expect(await answer.bytes()).toEqual(new Uint8Array());
      expect((await file(app, id, { Range: "bytes=0-" })).status).toBe(416);
    });

    test("keeps files around the length of a part, and of several", async () => {
      const app = await start();
      for (const size of [PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES + 3]) {
        const bytes = content(size);
        const upload = await put(app, bytes);
        expect(upload).toMatchObject({ size, sha256: sha256(bytes) });
        expect(sha256(await (await file(app, upload.id)).bytes()), `${size}`).toBe(sha256(bytes));
        const last = await file(app, upload.id, { Range: `bytes=${size - 3}-` });
        expect(await last.bytes()).toEqual(bytes.slice(-3));
      }
      expect(await app.left()).toMatchObject({ parts: 0 });
    });

    test.each([
      100_000,
      2 * PART_BYTES + 300_000,
    ])("keeps nothing of a body that breaks off after %i bytes", async (breaksAfter) => {
      const app = await start();
      const body = streamed(CONTENT, breaksAfter);
      const answer = await app.send("PUT", "/api/v1/upload/a.bin", { body });
      expect((await problemOf(answer)).code).toBe("body_incomplete");
      expect(await app.left()).toEqual(nothing);
    });

    test("keeps nothing of a body that passes the limit after its first part", async () => {
      const app = await start({ MAX_UPLOAD_BYTES: String(PART_BYTES + 1000) });
      const body = streamed(content(PART_BYTES + 1001));
      const answer = await app.send("PUT", "/api/v1/upload/a.bin", { body });
      expect(await problemOf(answer)).toEqual({ status: 413, code: "upload_too_large" });
      expect(await app.left()).toEqual(nothing);
    });

    test("is ready, and healthy for its operator", async () => {
      const app = await start();
      expect((await app.send("GET", "/health/ready")).status).toBe(200);
      const operator = { headers: { Authorization: "Bearer operator" } };
      const health = await app.send("GET", "/api/v1/storage/health", operator);
      expect([health.status, await health.text()]).toEqual([
        200,
        expect.stringContaining("healthy"),
      ]);
    });
  });
}
