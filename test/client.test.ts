import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { describe, expect, expectTypeOf, test } from "vitest";
import {
  createClient,
  StowageApiError,
  type Upload,
  type UploadProgress,
  type UploadSource,
} from "../src/client.ts";
import { answering, breakOff, json, problem, served } from "./client/scene.ts";

const bytes = new TextEncoder().encode("Hello, Stowage");

/** `count` chunks of 64 KiB, each made when it is asked for. */
async function* chunks(count: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index += 1) yield new Uint8Array(65_536).fill(index);
}

async function* chunksOf(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}

describe("upload()", () => {
  test("stores whatever it is given, and download() brings the same bytes back", async () => {
    const { client } = await served();
    const sources: Readonly<Record<string, UploadSource>> = {
      "a Blob": new Blob([bytes]),
      "a File": new File([bytes], "other.txt", { type: "text/plain" }),
      bytes,
      "a buffer": bytes.buffer,
      "a view of a buffer": new Uint8Array([0, ...bytes, 0]).subarray(1, -1),
      "a stream": new Blob([bytes]).stream(),
      chunks: ReadableStream.from([bytes.subarray(0, 3), bytes.subarray(3)]),
      nothing: new Blob([]),
    };
    for (const [name, source] of Object.entries(sources)) {
      const upload = await client.upload(source, { filename: "hello.txt" });
      expect(upload, name).toMatchObject({ filename: "hello.txt", status: "stored" });
      const file = await (await client.download(upload.id)).bytes();
      expect(Buffer.from(file), name).toEqual(Buffer.from(name === "nothing" ? "" : bytes));
    }
  });

  test("takes the name of a File, and refuses what has none", async () => {
    const { client } = await served();
    expect(await client.upload(new File(["x"], "cv.txt"))).toMatchObject({ filename: "cv.txt" });
    await expect(client.upload(new Blob(["x"]))).rejects.toThrow(TypeError);
  });

  test("keeps every name whole", async () => {
    const { client } = await served();
    for (const filename of [
      'quo"ted.txt',
      "Lebenslauf Ärztin – 履歴書 📄.pdf",
      "100%.txt",
      "%41.txt",
      "a;b='c'(d)*.txt",
      "name=x&y+z.txt",
      "..a",
    ]) {
      expect((await client.upload(bytes, { filename })).original_filename).toBe(filename);
    }
  });

  test("says with the file what is known of it", async () => {
    const { client } = await served();
    const upload = await client.upload(new Blob(["Hello"], { type: "text/plain" }), {
      filename: "a.txt",
      metadata: { filedUnder: "Ä\r\n--x", deep: { keptAsItIs: true } },
      autoProcess: true,
    });
    expect(upload.metadata).toEqual({ filedUnder: "Ä\r\n--x", deep: { keptAsItIs: true } });
    expect(upload.status).toBe("queued");
    expectTypeOf(upload).toEqualTypeOf<Upload>();
  });

  test.each([
    ["a Blob", () => new Blob([new Uint8Array(3_000_000)]), 3_000_000],
    ["a stream", () => chunks(40), null],
  ])("reports the progress of %s as bytes are sent", async (_, source, totalBytes) => {
    const { client } = await served();
    const reported: UploadProgress[] = [];
    const { size } = await client.upload(source(), {
      filename: "a.bin",
      onProgress: (progress) => reported.push(progress),
    });
    expect(reported.length).toBeGreaterThan(10);
    expect(reported.every((progress) => progress.totalBytes === totalBytes)).toBe(true);
    const sent = reported.map(({ sentBytes }) => sentBytes);
    expect(sent).toEqual([...sent].sort((a, b) => a - b));
    expect(sent.at(-1)).toBe(size);
    if (totalBytes === null) expect(sent.at(-1)).toBe(40 * 65_536);
  });

  test("reads a stream no faster than it is sent", async () => {
    let made = 0;
    async function* source() {
      for await (const chunk of chunks(400)) {
        made += 1;
        yield chunk;
      }
    }
    // It takes the beginning, and then nothing more.
    const { url } = await answering((request) => request.once("data", () => request.pause()));
    const stop = new AbortController();
    const client = createClient({ baseUrl: url });
    const uploading = client.upload(source(), { filename: "a", signal: stop.signal });
    await expect.poll(() => made).toBeGreaterThan(1);
    const settled = async (): Promise<number> => {
      const before = made;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return made === before ? made : await settled();
    };
    expect(await settled()).toBeLessThan(300);
    stop.abort(new Error("enough"));
    await expect(uploading).rejects.toThrow("enough");
  });

  test("ends with the reason of its signal, and the source is let go", async () => {
    const { url } = await answering((request) => request.resume());
    const stop = new AbortController();
    const freed = Promise.withResolvers<void>();
    async function* source() {
      try {
        yield* chunks(2);
        stop.abort(new Error("changed my mind"));
        yield* chunks(1e9);
      } finally {
        freed.resolve();
      }
    }
    const client = createClient({ baseUrl: url });
    const uploading = client.upload(source(), { filename: "a", signal: stop.signal });
    await expect(uploading).rejects.toThrow("changed my mind");
    await freed.promise;
  });

  test.each([
    ["refused", problem(413, "upload_too_large"), "upload_too_large"],
    ["broken off", breakOff, "connection_failed"],
  ])("that is %s lets its source go", async (_, handler, code) => {
    const { url } = await answering(handler);
    const freed = Promise.withResolvers<void>();
    async function* endless() {
      try {
        for (;;) {
          yield new Uint8Array(65_536);
          await setImmediate();
        }
      } finally {
        freed.resolve();
      }
    }
    const uploading = createClient({ baseUrl: url }).upload(endless(), { filename: "a" });
    await expect(uploading).rejects.toMatchObject({ code });
    await freed.promise;
  });

  test("fails with what its source fails with, and keeps nothing", async () => {
    const { client } = await served();
    const reason = new Error("The disk is gone");
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield bytes;
      throw reason;
    }
    const named = { filename: "a.txt" };
    await expect(client.upload(failing(), named)).rejects.toBe(reason);
    await expect(client.upload(ReadableStream.from(failing()), named)).rejects.toBe(reason);
    const noSources = ["text", null, { path: "a.txt" }, ReadableStream.from(["text"])];
    for (const source of noSources as unknown as UploadSource[]) {
      await expect(client.upload(source, named)).rejects.toThrow(TypeError);
    }
    expect((await client.listPage()).items).toEqual([]);
  });

  test("of a Blob is tried again under one key, of a stream it is not", async () => {
    const { url, requests } = await answering(breakOff, breakOff, json(201, { id: "1" }));
    const client = createClient({ baseUrl: url });
    expect(await client.upload(new Blob(["x"]), { filename: "a" })).toEqual({ id: "1" });
    const keys = requests.map(({ headers }) => headers["idempotency-key"]);
    expect(keys).toEqual([keys[0], keys[0], keys[0]]);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);

    const other = await answering(breakOff, json(201, { id: "1" }));
    const once = createClient({ baseUrl: other.url }).upload(chunks(1), { filename: "a" });
    await expect(once).rejects.toMatchObject({ code: "connection_failed", status: 0 });
    expect(other.requests[0]?.headers).not.toHaveProperty("idempotency-key");
  });

  test("whose answer was lost is stored once", async () => {
    let lost = 0;
    const { client } = await served({
      async fetch(...args) {
        const answer = await fetch(...args);
        if (answer.status !== 201 || lost === 2) return answer;
        lost += 1;
        throw new TypeError("The answer was lost");
      },
    });
    const upload = await client.upload(new Blob(["x"]), { filename: "a.txt", metadata: { n: 1 } });
    expect(lost).toBe(2);
    expect((await client.listPage()).items).toEqual([upload]);
  });

  test("under a key of its own answers with the first, and refuses what is another", async () => {
    const { client } = await served();
    const options = { filename: "a.txt", idempotencyKey: "application-7" };
    const first = await client.upload(new Blob(["x"]), options);
    expect(await client.upload(chunksOf("x"), options)).toEqual(first);
    const other = client.upload(new Blob(["y"]), options);
    await expect(other).rejects.toMatchObject({ code: "idempotency_key_reused", status: 422 });
  });

  test("stores nothing but the intended file, and ends when it is aborted", async () => {
    const { client } = await served();
    const sha256 = createHash("sha256").update("Hello").digest("hex");
    const expiresAt = new Date(Date.now() + 3_600_000);
    const source = new Blob(["Hello"]);
    const upload = await client.upload(source, { filename: "a.txt", sha256, expiresAt });
    expect(upload).toMatchObject({ sha256, expires_at: expiresAt.toISOString() });
    const other = client.upload(new Blob(["Hallo"]), { filename: "b.txt", sha256 });
    await expect(other).rejects.toMatchObject({ code: "digest_mismatch", status: 422 });
    expect((await client.listPage()).items.length).toBe(1);
  });

  test("takes the key that it is given", async () => {
    const { url, requests } = await answering(json(201, { id: "1" }));
    await createClient({ baseUrl: url }).upload(chunks(1), {
      filename: "a",
      idempotencyKey: "k-1",
    });
    expect(requests[0]?.headers["idempotency-key"]).toBe("k-1");
  });
});

describe("reading", () => {
  test("list() goes through all pages, and asks for no more than it is asked for", async () => {
    let asked = 0;
    const { client } = await served({
      fetch: (...args) => {
        asked += 1;
        return fetch(...args);
      },
    });
    for (const name of ["a", "b", "ba", "bc", "c"]) await client.upload(bytes, { filename: name });
    const names: string[] = [];
    for await (const { filename } of client.list({ limit: 2 })) names.push(filename);
    expect(names).toEqual(["c", "bc", "ba", "b", "a"]);
    asked = 0;
    for await (const _ of client.list({ limit: 2 })) break;
    expect(asked).toBe(1);
    const some: string[] = [];
    const filter = { filenamePrefix: "b", createdBefore: new Date(Date.now() + 60_000), limit: 1 };
    for await (const { filename } of client.list(filter)) some.push(filename);
    expect(some).toEqual(["bc", "ba", "b"]);
    const page = await client.listPage({ limit: 2, status: "stored" });
    expect(page.items.length).toBe(2);
    const cursor = page.next_cursor ?? "";
    const rest = await client.listPage({ limit: 200, status: "stored", cursor });
    expect([rest.items.length, rest.next_cursor]).toEqual([3, null]);
    // @ts-expect-error There is no such status.
    const wrong = client.listPage({ status: "done" });
    await expect(wrong).rejects.toMatchObject({ code: "invalid_parameter" });
  });

  test("download() brings the range asked for", async () => {
    const { client } = await served();
    const { id } = await client.upload(bytes, { filename: "a.txt" });
    for (const [range, text] of [
      [{ start: 7, end: 11 }, "Stow"],
      [{ start: 7 }, "Stowage"],
      [{ last: 3 }, "age"],
    ] as const) {
      const part = await client.download(id, { range });
      expect([part.status, await part.text()]).toEqual([206, text]);
    }
    const { headers, status } = await client.download(id, { inline: true });
    expect([status, headers.get("content-disposition")]).toEqual([
      200,
      expect.stringMatching(/^inline/),
    ]);
    const beyond = client.download(id, { range: { start: 99 } });
    await expect(beyond).rejects.toMatchObject({ code: "range_not_satisfiable", status: 416 });
  });

  test("download() hands the file on as it comes, however long it is", async () => {
    const { client } = await served();
    const hash = createHash("sha256");
    const { id, size, sha256 } = await client.upload(chunks(200), { filename: "a.bin" });
    expect(size).toBe(200 * 65_536);
    for await (const chunk of (await client.download(id)).body ?? []) hash.update(chunk);
    expect(hash.digest("hex")).toBe(sha256);
  });

  test("delete() deletes, and what is missing is an error with the problem's fields", async () => {
    const { client } = await served();
    const { id } = await client.upload(bytes, { filename: "a.txt" });
    await client.delete(id);
    const missing = await client.get(id).catch((error: unknown) => error);
    expect(missing).toBeInstanceOf(StowageApiError);
    expect(missing).toMatchObject({
      name: "StowageApiError",
      code: "upload_not_found",
      status: 404,
      errors: [],
      requestId: expect.stringMatching(/^[0-9a-f]{32}$/),
      retryAfterSeconds: null,
      message: expect.stringContaining("Cannot find upload"),
    });
  });

  test("update() changes what it names, and leaves the rest", async () => {
    const { client } = await served();
    const { id } = await client.upload(bytes, { filename: "a", metadata: { a: 1, keepMe: 2 } });
    const expiresAt = new Date(Date.now() + 3_600_000);
    const changed = await client.update(id, { metadata: { a: null, bB: { cC: 3 } }, expiresAt });
    expect(changed).toMatchObject({ metadata: { keepMe: 2, bB: { cC: 3 } } });
    expect(changed.metadata).not.toHaveProperty("a");
    expect(changed.expires_at).toBe(expiresAt.toISOString());
    expect(await client.update(id, { expiresAt: null })).toMatchObject({
      expires_at: null,
      metadata: changed.metadata,
    });
    await expect(client.update(id, { expiresAt: "yesterday" })).rejects.toMatchObject({
      errors: [{ pointer: "/expires_at", detail: expect.any(String) }],
    });
    // @ts-expect-error Nothing else may be changed.
    await expect(client.update(id, { filename: "b" })).rejects.toMatchObject({ status: 422 });
    // @ts-expect-error It is a time.
    await expect(client.update(id, { expiresAt: true })).rejects.toMatchObject({ status: 422 });
  });

  test("fields that were wrong are named", async () => {
    const { client } = await served();
    const wrong = client.listPage({ limit: 0 });
    await expect(wrong).rejects.toMatchObject({
      code: "invalid_parameter",
      status: 422,
      errors: [{ parameter: "limit", detail: expect.any(String) }],
    });
  });

  test.each(["", ".", ".."])("the id %j leads nowhere", async (id) => {
    const client = createClient({ baseUrl: "http://127.0.0.1:1" });
    await expect(client.get(id)).rejects.toThrow(TypeError);
    await expect(client.delete(id)).rejects.toThrow(TypeError);
  });

  test("an id is one segment of a path, whatever is in it", async () => {
    const { client } = await served();
    for (const id of ["../upload", "a/file", "x?limit=1", "%2e%2e", "ä"]) {
      await expect(client.get(id)).rejects.toMatchObject({ code: "upload_not_found" });
    }
  });
});

describe("processing", () => {
  test("waitFor() resolves when an upload is settled, and text() and result() return its results", async () => {
    const { client } = await served();
    const { id } = await client.upload(new Blob(["Råö stands 46 m above the sea"]), {
      filename: "a.txt",
      autoProcess: true,
    });
    const statuses: string[] = [];
    for await (const event of client.events(id)) {
      expect(event).toMatchObject({ upload_id: id, id: expect.stringMatching(/^\d+$/) });
      statuses.push(event.status);
    }
    expect(statuses).toEqual(["queued", "processing", "processed"]);
    expect(await client.waitFor(id)).toMatchObject({ id, status: "processed" });
    expect(await client.text(id)).toContain("Råö stands");
    expect(await client.text(id, { processor: "text" })).toContain("Råö stands");
    const { processors } = await client.result(id);
    expect(processors.map(({ name }) => name)).toContain("text");

    const again = await client.reprocess(id, { processors: ["text"] });
    expect(["queued", "processing"]).toContain(again.status);
    expect(await client.waitFor(id)).toMatchObject({ status: "processed" });
    await expect(client.reprocess(id, { processors: ["nobody"] })).rejects.toMatchObject({
      code: "unknown_processor",
    });
  });
});
