import { createStorage } from "unstorage";
import { describe, expect, test } from "vitest";
import unstorage from "../../../drivers/unstorage.ts";
import { isStowageError, parseObjectKey, type StorageDriver } from "../../../src/driver.ts";
import { testDriverContext } from "../../support/driver-context.ts";
import { FaultyStore } from "./faulty-store.ts";

const KEY = parseObjectKey("acme/0199/cv.pdf");
const bytesOf = (text: string) => new TextEncoder().encode(text);

async function wrapDriver(
  store: FaultyStore,
  options: Readonly<Record<string, unknown>> = {},
): Promise<StorageDriver> {
  return await unstorage.open({ driver: store.driver, ...options }, testDriverContext());
}

const put = (driver: StorageDriver, text: string) =>
  driver.put(KEY, { kind: "bytes", bytes: bytesOf(text) });
const read = async (driver: StorageDriver) =>
  await new Response((await driver.get(KEY)).stream).text();

describe.each(["raw", "text"] as const)("over a driver that keeps %s", (kind) => {
  test.each([
    ["throws", () => Promise.reject(new Error("the wire broke"))],
    ["gives back an error as a value", () => Promise.resolve(new Error("the wire broke"))],
  ])("every verb fails with storage_unavailable where the driver %s", async (_how, fail) => {
    const store = new FaultyStore(kind);
    const driver = await wrapDriver(store);
    await put(driver, "there");
    store.on = () => ({ result: fail() });
    for (const call of [
      () => put(driver, "new"),
      () => driver.get(KEY),
      () => driver.head(KEY),
      () => driver.list(""),
      async () => {
        throw (await driver.delete([KEY])).failures[0]?.error;
      },
    ]) {
      const error = await call().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "storage_unavailable", retryable: true });
    }
    store.on = () => undefined;
    expect(await read(driver)).toBe("there");
  });

  test("put() that fails at any of its calls leaves the old object, and no new one", async () => {
    for (const before of ["old", null]) {
      for (let failing = 0; ; failing += 1) {
        const store = new FaultyStore(kind);
        const driver = await wrapDriver(store);
        if (before !== null) await put(driver, before);
        const began = store.calls.length;
        let broke = false;
        store.on = (verb) => {
          if (broke || store.calls.length - began - 1 !== failing) return undefined;
          broke = true;
          // The worst of both: it is written, and the answer is lost.
          if (verb.startsWith("set")) store.items.set(store.calls.at(-1)?.name ?? "", "st");
          throw new Error("the wire broke");
        };
        const outcome = await put(driver, "new").then(
          () => "stored",
          () => "failed",
        );
        if (!broke) break;
        store.on = () => undefined;
        const found = await read(driver).catch((error: unknown) => {
          expect(isStowageError(error, "object_not_found")).toBe(true);
          return null;
        });
        expect(found, `after call ${failing} failed`).toBe(outcome === "stored" ? "new" : before);
        await driver.leftovers?.remove({ key: KEY });
        expect(store.contents).toHaveLength(found === null ? 0 : 1);
      }
    }
  });

  test("a driver that never settles ends in storage_timeout, an abort in request_aborted", async () => {
    const store = new FaultyStore(kind);
    const driver = await wrapDriver(store, { timeout_ms: 20 });
    await put(driver, "there");
    store.on = (verb) => (verb === "removeItem" ? undefined : { result: new Promise(() => {}) });
    for (const call of [() => driver.get(KEY), () => driver.head(KEY), () => driver.list("")]) {
      await expect(call()).rejects.toMatchObject({ code: "storage_timeout", retryable: true });
    }
    const { failures } = await driver.delete([KEY, parseObjectKey("b"), parseObjectKey("c")]);
    expect(failures).toHaveLength(3);
    const patient = await wrapDriver(store);
    const controller = new AbortController();
    const { signal } = controller;
    for (const call of [
      () => patient.put(KEY, { kind: "bytes", bytes: bytesOf("x") }, { signal }),
      () => patient.get(KEY, { signal }),
      () => patient.list("", { signal }),
      () => patient.delete([KEY], { signal }),
    ]) {
      const waiting = call();
      controller.abort();
      await expect(waiting).rejects.toMatchObject({ code: "request_aborted" });
    }
  });

  test("get() fails with object_corrupt where bytes are cut off, changed or missing", async () => {
    const store = new FaultyStore(kind);
    const driver = await wrapDriver(store);
    await put(driver, "there");
    const [content = ""] = store.contents;
    for (const damage of [bytesOf("ther"), bytesOf("thErE"), bytesOf(""), 7, undefined]) {
      store.items.set(content, damage);
      await expect(driver.get(KEY)).rejects.toMatchObject({ code: "object_corrupt" });
    }
    expect(await driver.head(KEY)).toMatchObject({ sizeBytes: 5 });
  });

  test("a manifest that was cut off is no one's object; one that is damaged is object_corrupt", async () => {
    const store = new FaultyStore(kind);
    const driver = await wrapDriver(store);
    await put(driver, "there");
    const [manifest = ""] = store.cards;
    const text = String(store.items.get(manifest));
    for (const length of [0, 1, text.length - 1]) {
      store.items.set(manifest, text.slice(0, length));
      expect(await driver.head(KEY)).toBeNull();
      expect((await driver.list("")).objects).toEqual([]);
      await expect(driver.get(KEY)).rejects.toMatchObject({ code: "object_not_found" });
    }
    store.items.set(manifest, text.replace("stowage1", "stowage9"));
    await expect(driver.head(KEY)).rejects.toMatchObject({ code: "object_corrupt" });
    await expect(driver.get(KEY)).rejects.toMatchObject({ code: "object_corrupt" });
    expect((await driver.delete([KEY])).failures).toEqual([]);
    expect(store.items.size).toBe(0);
  });

  test("head() sees an object through the moment in which a driver rewrites its manifest", async () => {
    const store = new FaultyStore(kind);
    const driver = await wrapDriver(store);
    await put(driver, "there");
    let reads = 0;
    store.on = (verb) => {
      if (verb !== "getItem") return undefined;
      reads += 1;
      return reads === 1 ? { result: "" } : undefined;
    };
    expect(await driver.head(KEY)).toMatchObject({ sizeBytes: 5 });
  });

  test("put() of a driver that silently drops what it takes is an error", async () => {
    const store = new FaultyStore(kind);
    const driver = await wrapDriver(store);
    store.on = (verb) => (verb.startsWith("set") ? { result: undefined } : undefined);
    await expect(put(driver, "lost")).rejects.toMatchObject({ code: "storage_unavailable" });
  });

  test("put() refuses what is longer than max_bytes, announced or not, and keeps nothing", async () => {
    const store = new FaultyStore(kind);
    const driver = await wrapDriver(store, { max_bytes: 10 });
    expect(driver.limits.maxObjectBytes).toBe(10);
    async function* endless() {
      for (;;) yield bytesOf("abcd");
    }
    const tooLarge = { code: "upload_too_large", data: { limitBytes: 10 } };
    await expect(put(driver, "12345678901")).rejects.toMatchObject(tooLarge);
    const body = { kind: "once", stream: endless() } as const;
    await expect(driver.put(KEY, body)).rejects.toMatchObject(tooLarge);
    expect(store.items.size).toBe(0);
    await put(driver, "1234567890");
    expect(await read(driver)).toBe("1234567890");
  });

  test("leftovers.remove() takes bytes without a manifest that are old enough, and no object's", async () => {
    const store = new FaultyStore(kind);
    const driver = await wrapDriver(store, { prefix: "p" });
    await put(driver, "there");
    const old = "p:acme:0199:cv.pdf_v000000000001aaaaaaaaaaaaaaaaaaaa";
    const foreign = "other:acme:0199:cv.pdf_v000000000001aaaaaaaaaaaaaaaaaaaa";
    for (const name of [old, foreign]) store.items.set(name, "x");
    expect(await driver.leftovers?.remove({ before: 1 })).toBe(0);
    expect(await driver.leftovers?.remove({ before: Date.now() })).toBe(1);
    expect(store.items.has(old)).toBe(false);
    expect(store.items.has(foreign)).toBe(true);
    store.items.set(old, "x");
    expect(await driver.leftovers?.remove({ key: parseObjectKey("acme/0199/cv") })).toBe(0);
    expect(await driver.leftovers?.remove({ key: KEY })).toBe(1);
    store.items.set(old, "x");
    expect(await driver.leftovers?.remove({ folder: parseObjectKey("acme") })).toBe(0);
    expect(await driver.leftovers?.remove({ folder: parseObjectKey("acme/01") })).toBe(0);
    expect(await driver.leftovers?.remove({ folder: parseObjectKey("acme/0199") })).toBe(1);
    expect(await read(driver)).toBe("there");
  });

  test("unstorage itself reads the bytes that put() wrote", async () => {
    const store = new FaultyStore(kind);
    const driver = await wrapDriver(store);
    await put(driver, "plain");
    const [content = ""] = store.contents;
    const raw = await createStorage({ driver: store.driver }).getItemRaw<Uint8Array>(content);
    expect(new TextDecoder().decode(raw ?? undefined)).toBe("plain");
  });
});

test("errors of the backend become codes, and no cause names the object", async () => {
  const store = new FaultyStore("text");
  const driver = await wrapDriver(store);
  for (const [thrown, code] of [
    [
      Object.assign(new Error("EACCES, open '/x/cv.pdf_i'"), { code: "EACCES" }),
      "storage_access_denied",
    ],
    [Object.assign(new Error("ENOSPC"), { code: "ENOSPC" }), "storage_full"],
    [Object.assign(new Error("EROFS"), { code: "EROFS" }), "storage_read_only"],
    [new Error("NOAUTH Authentication required."), "storage_access_denied"],
    [new Error("OOM command not allowed when used memory > 'maxmemory'."), "storage_full"],
    [new Error("READONLY You can't write against a read only replica."), "storage_read_only"],
    ["a string", "storage_unavailable"],
    [undefined, "storage_unavailable"],
  ] as const) {
    store.on = () => ({ result: Promise.reject(thrown) });
    const error = await driver.head(KEY).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code });
    expect(String((error as Error).message) + String((error as Error).cause)).not.toContain(
      "cv.pdf",
    );
  }
});

test("a driver without setItem is storage_read_only, and still reads", async () => {
  const store = new FaultyStore("text");
  await put(await wrapDriver(store), "there");
  const { setItem: _set, removeItem: _remove, ...reading } = store.driver;
  const driver = await unstorage.open({ driver: reading }, testDriverContext());
  await expect(put(driver, "new")).rejects.toMatchObject({ code: "storage_read_only" });
  expect(await read(driver)).toBe("there");
});
