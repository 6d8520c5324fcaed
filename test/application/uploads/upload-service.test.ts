import { createHash } from "node:crypto";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { StowageError } from "../../../src/domain/errors.ts";
import { ACME, bytesOf, LEASE_MS, OTHER, testServices, textOf } from "../../support/services.ts";

const GONE = { keys: [], rows: 0 };

async function left(services: Awaited<ReturnType<typeof testServices>>) {
  return { keys: await services.keys(), rows: await services.rows() };
}

async function* chunks(sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (const size of sizes) yield new Uint8Array(size).fill(7);
}

describe("upload()", () => {
  test("stores the bytes under tenant, id and filename, and returns their digest", async () => {
    const services = await testServices();
    const upload = await services.put("hello");
    expect(upload).toMatchObject({
      status: "stored",
      key: `acme/${upload.id}/a.txt`,
      sizeBytes: 5,
      sha256: createHash("sha256").update("hello").digest("hex"),
      contentType: "text/plain",
      createdBy: "key:test",
    });
    expect(await textOf((await services.driver.get(upload.key)).stream)).toBe("hello");
  });

  test("prefers the type of the bytes to the declared type", async () => {
    const services = await testServices();
    const upload = await services.put("%PDF-1.7\n%âãÏÓ\n1 0 obj\n");
    expect(upload.contentType).toBe("application/pdf");
  });

  test.each([
    ["application/octet-stream", "hello", "text/plain"],
    [undefined, "hello", "text/plain"],
    ["text/csv", "a,b", "text/csv"],
    [undefined, "a\u0007b", "application/octet-stream"],
    [undefined, "", "application/octet-stream"],
    ["text/csv", "", "text/csv"],
    ["application/pdf", "", "application/octet-stream"],
    ["application/pdf", "hello", "text/plain"],
    ["image/png", "a\u0007b", "application/octet-stream"],
    ["application/x-own", "hello", "application/x-own"],
  ])("stores a file declared %s with the bytes %j as %s", async (declaredType, text, contentType) => {
    const { uploads } = await testServices();
    const upload = await uploads.upload({
      tenant: ACME,
      createdBy: "key:x",
      originalFilename: "a",
      declaredType,
      body: { kind: "bytes", bytes: bytesOf(text) },
      details: async () => ({ autoProcess: null, metadata: {} }),
    });
    expect(upload.contentType).toBe(contentType);
  });

  test("reserves before the put, and commits only after it", async () => {
    const seen: string[] = [];
    const services = await testServices({
      tamperRecords: (records) => ({
        async reserve(...args) {
          const reservation = await records.reserve(...args);
          seen.push("reserved");
          return reservation;
        },
        async commit(...args) {
          seen.push("commit");
          return await records.commit(...args);
        },
      }),
      tamper: (driver) => ({
        async put(...args) {
          seen.push("put");
          const stored = await driver.put(...args);
          await new Promise((resolve) => setImmediate(resolve));
          seen.push("durable");
          return stored;
        },
      }),
    });
    await services.put("hello");
    expect(seen).toEqual(["reserved", "put", "durable", "commit"]);
  });

  test.each([
    ["in one chunk", [1001]],
    ["in many", [1000, 1]],
  ])("refuses a body that is one byte too long, %s, and keeps nothing", async (_how, sizes) => {
    const services = await testServices({ maxUploadBytes: 1000 });
    await expect(services.put(chunks(sizes))).rejects.toMatchObject({
      code: "upload_too_large",
      limitBytes: 1000,
    });
    expect(await left(services)).toEqual(GONE);
    expect((await services.put(chunks([1000]))).sizeBytes).toBe(1000);
  });

  test("refuses a known length over the limit before it reads or reserves", async () => {
    const services = await testServices({ maxUploadBytes: 1000 });
    const body = {
      kind: "once" as const,
      sizeBytes: 1001,
      stream: {
        [Symbol.asyncIterator]: () => {
          throw new Error("read");
        },
      },
    };
    const input = { tenant: ACME, createdBy: "key:x", originalFilename: "a", body };
    const details = async () => ({ autoProcess: null, metadata: {} });
    await expect(services.uploads.upload({ ...input, details })).rejects.toMatchObject({
      code: "upload_too_large",
    });
    expect(await left(services)).toEqual(GONE);
  });

  test.each([
    99, 101,
  ])("refuses a body with 100 announced bytes of which %d arrive", async (size) => {
    const services = await testServices();
    const upload = services.uploads.upload({
      tenant: ACME,
      createdBy: "key:x",
      originalFilename: "a",
      body: { kind: "once", sizeBytes: 100, stream: chunks([size]) },
      details: async () => ({ autoProcess: null, metadata: {} }),
    });
    await expect(upload).rejects.toMatchObject({ code: "body_incomplete" });
    expect(await left(services)).toEqual(GONE);
  });

  test("reads at most one chunk past the announced length", async () => {
    const services = await testServices();
    let pulls = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (pulls = 1; pulls < 1000; pulls += 1) yield new Uint8Array(100);
    }
    const upload = services.uploads.upload({
      tenant: ACME,
      createdBy: "key:x",
      originalFilename: "a",
      body: { kind: "once", sizeBytes: 250, stream: endless() },
      details: async () => ({ autoProcess: null, metadata: {} }),
    });
    await expect(upload).rejects.toMatchObject({ code: "body_incomplete" });
    expect(pulls).toBe(3);
    expect(await left(services)).toEqual(GONE);
  });

  test("keeps nothing of a body that breaks off after its head", async () => {
    const services = await testServices();
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield* chunks([100_000, 100_000]);
      throw new Error("connection reset");
    }
    await expect(services.put(broken())).rejects.toMatchObject({ code: "body_incomplete" });
    expect(await left(services)).toEqual(GONE);
  });

  test("ends when its signal is aborted, even if the source hangs", async () => {
    const services = await testServices();
    const abort = new AbortController();
    async function* stuck(): AsyncGenerator<Uint8Array> {
      yield* chunks([100_000]);
      abort.abort();
      await new Promise(() => {});
    }
    const upload = services.uploads.upload({
      tenant: ACME,
      createdBy: "key:x",
      originalFilename: "a",
      body: { kind: "once", stream: stuck() },
      details: async () => ({ autoProcess: null, metadata: {} }),
      signal: abort.signal,
    });
    await expect(upload).rejects.toMatchObject({ code: "request_aborted" });
    expect(await left(services)).toEqual(GONE);
  });

  test("keeps nothing if the fields after the file are refused", async () => {
    const services = await testServices();
    const refusal = new StowageError("too_many_files", "Cannot accept upload: two files");
    const upload = services.uploads.upload({
      tenant: ACME,
      createdBy: "key:x",
      originalFilename: "a",
      body: { kind: "once", stream: chunks([10]) },
      details: () => Promise.reject(refusal),
    });
    await expect(upload).rejects.toBe(refusal);
    expect(await left(services)).toEqual(GONE);
  });

  test("refuses an invalid filename before it reserves", async () => {
    const services = await testServices();
    const upload = services.uploads.upload({
      tenant: ACME,
      createdBy: "key:x",
      originalFilename: "..",
      body: { kind: "once", stream: chunks([10]) },
      details: async () => ({ autoProcess: null, metadata: {} }),
    });
    await expect(upload).rejects.toMatchObject({ code: "invalid_filename" });
    expect(await services.rows()).toBe(0);
  });

  test("refuses a type that is not accepted, detected from the bytes, before the put", async () => {
    const services = await testServices({ allowedTypes: ["text/*"] });
    await expect(services.put("%PDF-1.7\n")).rejects.toMatchObject({
      code: "unsupported_media_type",
    });
    expect(await left(services)).toEqual(GONE);
    expect((await services.put("hello")).contentType).toBe("text/plain");
  });

  test("undoes an upload that was refused before the put, without calling the storage", async () => {
    const services = await testServices({
      allowedTypes: ["text/*"],
      tamper: () => ({ delete: () => Promise.reject(new Error("away")) }),
    });
    await expect(services.put("%PDF-1.7\n")).rejects.toMatchObject({
      code: "unsupported_media_type",
    });
    expect(await left(services)).toEqual(GONE);
  });

  test("keeps its reservation while the storage finishes a complete body", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    onTestFinished(() => void vi.useRealTimers());
    const services = await testServices({
      tamper: (driver) => ({
        async put(...args) {
          const stored = await driver.put(...args);
          for (let step = 0; step < 9; step += 1) {
            services.clock.advance(LEASE_MS / 3);
            vi.advanceTimersByTime(LEASE_MS / 3);
            await new Promise((resolve) => setImmediate(resolve));
            await services.reconciler.run();
          }
          return stored;
        },
      }),
    });
    expect((await services.put("hello")).status).toBe("stored");
  });

  test("refuses the result of a driver that stored fewer bytes than it read", async () => {
    const services = await testServices({
      tamper: (driver) => ({
        put: async (...args) => ({ ...(await driver.put(...args)), sizeBytes: 1 }),
      }),
    });
    await expect(services.put("hello")).rejects.toMatchObject({ code: "storage_unavailable" });
    expect(await left(services)).toEqual(GONE);
  });

  test("refuses the result of a driver that did not read the whole body", async () => {
    const services = await testServices({
      tamper: () => ({
        put: async (key) => ({ key, sizeBytes: 200_000, version: "1", modifiedAt: 0 }),
      }),
    });
    await expect(services.put(chunks([100_000, 100_000]))).rejects.toMatchObject({
      code: "storage_unavailable",
    });
  });

  test("converts anything that a third-party driver throws", async () => {
    const services = await testServices({
      tamper: () => ({ put: () => Promise.reject("a string") }),
    });
    await expect(services.put("hello")).rejects.toMatchObject({
      code: "storage_unavailable",
      retryable: true,
      cause: "a string",
    });
    expect(await left(services)).toEqual(GONE);
  });

  test("leaves the bytes if the commit may have happened", async () => {
    const lost = new StowageError("records_unavailable", "Cannot commit", { retryable: true });
    const services = await testServices({
      tamperRecords: (records) => ({
        async commit(...args) {
          await records.commit(...args);
          throw lost;
        },
      }),
    });
    await expect(services.put("hello")).rejects.toBe(lost);
    services.clock.advance(LEASE_MS * 2);
    await services.reconciler.run();
    const { uploads } = await services.uploads.list(ACME, {}, { limit: 10, after: null });
    expect(uploads).toHaveLength(1);
    const [upload] = uploads;
    if (upload === undefined) throw new Error("none");
    expect(await textOf(await services.downloads.read(upload, null))).toBe("hello");
  });

  test("removes its own bytes if its reservation was cleaned up meanwhile", async () => {
    const services = await testServices({
      tamper: (driver) => ({
        async put(...args) {
          // A writer that slept past its lease: the reconciler runs before it writes.
          services.clock.advance(LEASE_MS + 1);
          await services.reconciler.run();
          return await driver.put(...args);
        },
      }),
    });
    await expect(services.put("hello")).rejects.toMatchObject({ code: "reservation_lost" });
    expect(await left(services)).toEqual(GONE);
  });
});

describe("get(), list() and delete()", () => {
  test("treat another tenant's upload as missing", async () => {
    const services = await testServices();
    const { id } = await services.put("hello");
    const missing = { code: "upload_not_found" };
    await expect(services.uploads.get(OTHER, id)).rejects.toMatchObject(missing);
    await expect(services.uploads.delete(OTHER, id)).rejects.toMatchObject(missing);
    const page = { limit: 10, after: null };
    expect((await services.uploads.list(OTHER, {}, page)).uploads).toEqual([]);
    expect((await services.uploads.list(ACME, {}, page)).uploads).toHaveLength(1);
  });

  test("delete() gives up with upload_conflict when the upload changes at every try", async () => {
    let tries = 0;
    const services = await testServices({
      tamperRecords: () => ({
        async beginDelete() {
          tries += 1;
          return null;
        },
      }),
    });
    const { id } = await services.put("hello");
    await expect(services.uploads.delete(ACME, id, () => {})).rejects.toMatchObject({
      code: "upload_conflict",
      retryable: true,
    });
    expect(tries).toBe(20);
    expect((await services.uploads.get(ACME, id)).status).toBe("stored");
  });

  test("delete() leaves neither bytes nor rows, and a second one fails with upload_not_found", async () => {
    const services = await testServices();
    const { id } = await services.put("hello");
    await services.uploads.delete(ACME, id);
    expect(await left(services)).toEqual(GONE);
    await expect(services.uploads.delete(ACME, id)).rejects.toMatchObject({
      code: "upload_not_found",
    });
  });

  test("after a delete() that failed half way the upload is not found, and the reconciler finishes it", async () => {
    let broken = true;
    const services = await testServices({
      tamper: (driver) => ({
        delete: async (...args) => {
          if (!broken) return await driver.delete(...args);
          throw new StowageError("storage_unavailable", "Cannot delete", { retryable: true });
        },
      }),
    });
    const { id } = await services.put("hello");
    await expect(services.uploads.delete(ACME, id)).rejects.toMatchObject({
      code: "storage_unavailable",
    });
    await expect(services.uploads.get(ACME, id)).rejects.toMatchObject({
      code: "upload_not_found",
    });
    expect(await services.rows()).toBe(1);
    broken = false;
    services.clock.advance(LEASE_MS * 2);
    expect(await services.reconciler.run()).toMatchObject({ removed: 1, deferred: 0 });
    expect(await left(services)).toEqual(GONE);
  });
});

describe("Reconciler", () => {
  test("removes what a crash between reserve and commit left, but not before its lease ends", async () => {
    const services = await testServices({
      tamperRecords: () => ({ commit: () => new Promise(() => {}) }),
    });
    void services.put("hello").catch(() => {});
    await expect.poll(() => services.keys()).toHaveLength(1);
    expect(await services.reconciler.run()).toMatchObject({ removed: 0 });
    expect(await services.keys()).toHaveLength(1);
    services.clock.advance(LEASE_MS + 1);
    expect(await services.reconciler.run()).toMatchObject({ removed: 1 });
    expect(await left(services)).toEqual(GONE);
  });

  test("removes the rest later if a storage is away", async () => {
    let broken = true;
    const services = await testServices({
      tamperRecords: () => ({ commit: () => new Promise(() => {}) }),
      tamper: (driver) => ({
        delete: (...args) => (broken ? Promise.reject(new Error("away")) : driver.delete(...args)),
      }),
    });
    void services.put("hello").catch(() => {});
    await expect.poll(() => services.keys()).toHaveLength(1);
    services.clock.advance(LEASE_MS + 1);
    expect(await services.reconciler.run()).toMatchObject({ removed: 0, deferred: 1 });
    broken = false;
    services.clock.advance(LEASE_MS * 2);
    expect(await services.reconciler.run()).toMatchObject({ removed: 1, deferred: 0 });
    expect(await left(services)).toEqual(GONE);
  });
});
