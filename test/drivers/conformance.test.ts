import { describe, expect, test } from "vitest";
import {
  type ConformanceCase,
  conformanceCases,
  register,
  runAll,
} from "../../drivers/conformance/index.ts";
import memory from "../../drivers/memory.ts";
import {
  type Body,
  type ObjectKey,
  openBody,
  type StorageDriver,
  StowageError,
  streamBytes,
} from "../../src/driver.ts";
import { testDriverContext } from "../support/driver-context.ts";

/** A memory driver with a fault in it. */
type Break = (driver: StorageDriver) => Partial<StorageDriver>;

async function readAll(body: Body): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of openBody(body)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Every key passes through `change` on its way in. */
function withKeys(change: (key: string) => string): Break {
  const changed = (key: ObjectKey) => change(key) as ObjectKey;
  return (driver) => ({
    put: (key, ...rest) => driver.put(changed(key), ...rest),
    get: (key, ...rest) => driver.get(changed(key), ...rest),
    head: (key, ...rest) => driver.head(changed(key), ...rest),
    delete: (keys, ...rest) => driver.delete(keys.map(changed), ...rest),
  });
}

/** Each fault, and a case that must find it. */
const FAULTS: readonly [fault: string, caseName: string, Break][] = [
  [
    "list() returns only the first page",
    "list() reaches every page without being given a limit",
    ({ list }) => ({ list: async (...args) => ({ ...(await list(...args)), next: null }) }),
  ],
  [
    "list() ignores its limit",
    "list() returns 1,001 keys once each while others come and go",
    ({ list }) => ({ list: (prefix, { limit: _, ...rest } = {}) => list(prefix, rest) }),
  ],
  [
    "list() begins each page with the last key of the page before",
    "list() returns 1,001 keys once each while others come and go",
    ({ list }) => ({
      list: async (prefix, { cursor, ...rest } = {}) =>
        await list(prefix, cursor === undefined ? rest : { ...rest, cursor: cursor.slice(0, -1) }),
    }),
  ],
  [
    "list() counts its cursor in objects, which shifts when keys come",
    "list() returns 1,001 keys once each while others come and go",
    ({ list }) => ({
      list: async (prefix, { cursor = "0", limit = 1000 } = {}) => {
        const { objects } = await list(prefix, { limit: 100_000 });
        const end = Number(cursor) + limit;
        const next = objects.length > end ? String(end) : null;
        return { objects: objects.slice(Number(cursor), end), next };
      },
    }),
  ],
  [
    "list() repeats one cursor for ever",
    "list() reaches every page without being given a limit",
    ({ list }) => ({ list: async (prefix) => ({ ...(await list(prefix)), next: "x" }) }),
  ],
  [
    "list() knows folders only",
    "list() takes any prefix, not only a folder",
    ({ list }) => ({
      list: (prefix, options) => list(prefix.slice(0, prefix.lastIndexOf("/") + 1), options),
    }),
  ],
  [
    "list() sorts folder by folder",
    "list() returns keys in the order that the limits declare, across pages",
    ({ list }) => ({
      list: async (prefix, options) => {
        const page = await list(prefix, options);
        const order = (key: string) => key.replaceAll("/", "\0");
        const sorted = page.objects.toSorted((a, b) => (order(a.key) < order(b.key) ? -1 : 1));
        return { ...page, objects: sorted };
      },
    }),
  ],
  [
    "list() shows the service's own objects",
    "list() hides .stowage/ unless the prefix begins with it",
    ({ list }) => ({
      list: async (prefix, options) => {
        const own = prefix === "" ? (await list(".stowage/", options)).objects : [];
        const page = await list(prefix, options);
        return { ...page, objects: [...own, ...page.objects] };
      },
    }),
  ],
  [
    "put() shows an object before it is complete",
    "put() shows nothing of an object before it is complete",
    ({ put }) => ({
      put: async (key, body, options) => {
        await put(key, { kind: "bytes", bytes: new Uint8Array(1) });
        return await put(key, body, options);
      },
    }),
  ],
  [
    "put() removes the old object first",
    "put() fails with its body's own error, and the old object stays",
    (driver) => ({
      put: async (key, body, options) => {
        await driver.delete([key]);
        return await driver.put(key, body, options);
      },
    }),
  ],
  [
    "put() wraps its body's error",
    "put() fails with its body's own error, and the old object stays",
    ({ put }) => ({
      put: async (...args) => {
        try {
          return await put(...args);
        } catch (cause) {
          throw new StowageError("storage_unavailable", "Cannot put: it failed", { cause });
        }
      },
    }),
  ],
  [
    "put() does not hear the signal while its body hangs",
    "put() is aborted at any moment, also while its body keeps it waiting",
    ({ put }) => ({ put: (key, body) => put(key, body) }),
  ],
  [
    "put() stores bodies that are too short",
    "put() refuses a body that is shorter or longer than it said",
    ({ put }) => ({
      put: async (key, body, options) =>
        await put(key, { kind: "once", stream: openBody(body) }, options),
    }),
  ],
  [
    "put() keeps a whole body's chunks",
    "put() lets go of a body's chunks while it stores them",
    () => ({}),
  ],
  [
    "put() keeps the caller's own array",
    "put() keeps no hold on the caller's bytes",
    ({ put, get }) => {
      const held = new Map<ObjectKey, Body>();
      return {
        put: (key, body, options) => {
          held.set(key, body);
          return put(key, body, options);
        },
        get: async (key, options) => {
          const body = held.get(key);
          const read = await get(key, options);
          return body?.kind === "bytes" ? { ...read, stream: streamBytes(body.bytes) } : read;
        },
      };
    },
  ],
  [
    "get() caches the chunks that it has given away",
    "get() gives its chunks away",
    ({ get }) => {
      const cache = new Map<string, Uint8Array[]>();
      return {
        get: async (key, options) => {
          const read = await get(key, options);
          const id = JSON.stringify([key, read.object.version, read.range]);
          const chunks = cache.get(id) ?? [];
          for await (const chunk of read.stream) if (!cache.has(id)) chunks.push(chunk);
          cache.set(id, chunks);
          return { ...read, stream: ReadableStream.from(chunks) };
        },
      };
    },
  ],
  [
    "put() loses the last byte of a large body",
    "put() and get() give back every byte, for every kind of body and size",
    ({ put }) => ({
      put: async (key, body, options) => {
        const bytes = await readAll(body);
        const kept = bytes.subarray(0, Math.min(bytes.byteLength, 1_048_576));
        return await put(key, { kind: "bytes", bytes: kept }, options);
      },
    }),
  ],
  [
    "put() gives every object the same version",
    "put() replaces an object and changes its version",
    ({ put }) => ({ put: async (...args) => ({ ...(await put(...args)), version: "1" }) }),
  ],
  [
    "put() returns seconds for milliseconds",
    "put(), get(), head() and list() agree about an object",
    ({ put }) => ({
      put: async (...args) => {
        const stored = await put(...args);
        return { ...stored, modifiedAt: stored.modifiedAt / 1000 };
      },
    }),
  ],
  [
    "put() drops ifNoneMatch",
    "put() with ifNoneMatch stores a new object and leaves an old one, or is refused",
    ({ put }) => ({ put: (key, body) => put(key, body) }),
  ],
  [
    "put() looks first and stores later",
    "put() with ifNoneMatch has exactly one winner among racing writers",
    ({ put, head }) => ({
      put: async (key, body) => {
        if ((await head(key)) !== null) {
          throw new StowageError("object_exists", "Cannot put: it is there");
        }
        return await put(key, body);
      },
    }),
  ],
  [
    "writers of one key share a temp file",
    "put() by many writers at once leaves one of their objects whole",
    ({ put }) => {
      const temp = new Map<ObjectKey, Uint8Array[]>();
      return {
        put: async (key, body) => {
          const chunks: Uint8Array[] = [];
          temp.set(key, chunks);
          for await (const chunk of openBody(body)) temp.get(key)?.push(chunk);
          return await put(key, { kind: "bytes", bytes: Buffer.concat(temp.get(key) ?? []) });
        },
      };
    },
  ],
  [
    "keys lose their case",
    "put() keeps every two different keys apart",
    withKeys((key) => key.toLowerCase()),
  ],
  [
    "keys are normalised",
    "put() keeps every two different keys apart",
    withKeys((key) => key.normalize("NFC")),
  ],
  [
    "keys are unescaped",
    "put() keeps every two different keys apart",
    withKeys((key) => key.replaceAll("%20", " ").replaceAll("%2F", "/")),
  ],
  [
    "keys are trimmed",
    "put() keeps every two different keys apart",
    withKeys((key) => key.replace(/[. ]+$/, "")),
  ],
  [
    "long keys are cut",
    "put() takes keys and segments as long as the limits say",
    withKeys((key) => key.slice(0, 200)),
  ],
  [
    "an object replaces the ones below its key",
    "put() keeps a key and keys below it apart, or refuses the second with invalid_key",
    (driver) => ({
      put: async (key, body, options) => {
        const below = (await driver.list(`${key}/`)).objects.map((object) => object.key);
        await driver.delete(below);
        return await driver.put(key, body, options);
      },
    }),
  ],
  [
    "get() ignores the range",
    "get() delivers exactly the range asked for",
    ({ get }) => ({ get: (key, { range: _, ...rest } = {}) => get(key, rest) }),
  ],
  [
    "get() takes the end of a range as inclusive",
    "get() delivers exactly the range asked for",
    ({ get }) => ({
      get: async (key, { range, ...rest } = {}) => {
        if (range === undefined) return await get(key, rest);
        const read = await get(key, { ...rest, range: { ...range, end: range.end + 1 } });
        return { ...read, range };
      },
    }),
  ],
  [
    "get() ignores ifMatch",
    "get() with ifMatch reads that version or fails with object_changed",
    ({ get }) => ({ get: (key, { ifMatch: _, ...rest } = {}) => get(key, rest) }),
  ],
  [
    "get() gives an empty object for a missing one",
    "get() and head() report what is missing: object_not_found and null",
    ({ get, put }) => ({
      get: async (key, options) =>
        await get(key, options).catch(async () => {
          await put(key, { kind: "bytes", bytes: new Uint8Array(0) });
          return await get(key);
        }),
    }),
  ],
  [
    "get() looks the object up again for every chunk",
    "get() never mixes two versions when the object is replaced or deleted under it",
    ({ get }) => ({
      get: async (key, options) => {
        const read = await get(key, options);
        let { start } = read.range;
        const stream = new ReadableStream<Uint8Array>({
          async pull(controller) {
            const end = Math.min(start + 65_536, read.range.end);
            if (start >= end) return controller.close();
            for await (const chunk of (await get(key, { range: { start, end } })).stream) {
              controller.enqueue(chunk);
            }
            start = end;
          },
        });
        return { ...read, stream };
      },
    }),
  ],
  [
    "get() does not hear the signal while it streams",
    "get() can be cancelled at any moment, and aborted with request_aborted",
    ({ get }) => ({ get: (key, { signal: _, ...rest } = {}) => get(key, rest) }),
  ],
  [
    "head() takes any trouble for absence",
    "every verb fails with request_aborted when its signal is aborted already",
    ({ head }) => ({ head: (...args) => head(...args).catch(() => null) }),
  ],
  [
    "delete() hides what it could not delete",
    "delete() of many keys hides no failure: each is gone or reported",
    (driver) => ({ delete: (keys) => driver.delete(keys.filter((_, index) => index % 7 !== 3)) }),
  ],
  [
    "delete() fails for what is not there",
    "delete() is idempotent, and keys that are not there count as deleted",
    (driver) => ({
      delete: async (keys) => {
        const missing: ObjectKey[] = [];
        for (const key of keys) if ((await driver.head(key)) === null) missing.push(key);
        await driver.delete(keys);
        return { failures: missing.map((key) => ({ key, error: "missing" })) };
      },
    }),
  ],
  [
    "delete() takes what begins with the key along",
    "delete() of many keys hides no failure: each is gone or reported",
    (driver) => ({
      delete: async (keys) => {
        for (const key of keys) {
          const along = (await driver.list(key.slice(0, key.lastIndexOf("/") + 1))).objects;
          await driver.delete(along.map((object) => object.key));
        }
        return { failures: [] };
      },
    }),
  ],
  [
    "check() leaves its probe behind",
    "check() proves read, write, list and delete, and leaves nothing behind",
    ({ check, put }) => ({
      check: async () => {
        await put(".stowage/probe" as ObjectKey, { kind: "bytes", bytes: new Uint8Array(1) });
        return await check();
      },
    }),
  ],
  [
    "check() only says that it is well",
    "check() proves read, write, list and delete, and leaves nothing behind",
    () => ({ check: async () => ({ healthy: true, steps: [{ name: "read", ok: true }] }) }),
  ],
  [
    "copy() is a second name for the same object",
    "copy(), where there is one, makes an object of its own",
    ({ delete: remove, copy }) => {
      const links = new Map<ObjectKey, ObjectKey>();
      return {
        copy: (from, to) => {
          links.set(from, to);
          return copy?.(from, to) as ReturnType<NonNullable<typeof copy>>;
        },
        delete: (keys) => remove([...keys, ...keys.flatMap((key) => links.get(key) ?? [])]),
      };
    },
  ],
  [
    "a group lacks a verb",
    "the driver's groups are whole or absent, and its limits speak of what it has",
    () => ({ presign: { get: async () => ({ url: "", headers: {} }) } as never }),
  ],
  [
    "limits speak of parts without a group for them",
    "the driver's groups are whole or absent, and its limits speak of what it has",
    ({ limits }) => ({
      limits: { ...limits, parts: { minBytes: 1, maxBytes: 9, maxCount: 9, uniform: false } },
    }),
  ],
  [
    "removing leftovers removes objects",
    "leftovers, where there are any, are removed without touching objects",
    (driver) => ({
      leftovers: {
        async remove(which) {
          if (!("before" in which) || which.before === 0) return 0;
          const { objects } = await driver.list("");
          await driver.delete(objects.map((object) => object.key));
          return 0;
        },
      },
    }),
  ],
];

function casesOf(broken: Break): ConformanceCase[] {
  return conformanceCases({
    open: async () => {
      const driver = await memory.open({}, testDriverContext());
      return { ...driver, ...broken(driver) };
    },
    timeoutMs: 50,
  });
}

describe("the conformance kit", () => {
  test.each(FAULTS)("finds that %s", async (_fault, caseName, broken) => {
    const cases = casesOf(broken).filter(({ name }) => name === caseName);
    const [result] = await runAll(cases);
    expect(result?.name).toBe(caseName);
    expect(result?.error).toBeInstanceOf(Error);
  });

  test("has a fault planted for every case", () => {
    const planted = new Set(FAULTS.map(([, caseName]) => caseName));
    const unproven = casesOf(() => ({})).filter(({ name }) => !planted.has(name));
    expect(unproven.map(({ name }) => name)).toEqual([]);
  });

  test("register() hands every case to the runner, once and by name", async () => {
    const cases = casesOf(() => ({}));
    const taken = new Map<string, () => Promise<void>>();
    register((name, run) => taken.set(name, run), cases);
    expect([...taken.keys()]).toEqual(cases.map(({ name }) => name));
    await taken.get("delete() is idempotent, and keys that are not there count as deleted")?.();
  });

  test("runAll() goes on after a failure and reports both", async () => {
    const failure = new StowageError(
      "request_aborted",
      "Cannot continue: the caller aborted the request",
    );
    const results = await runAll([
      { name: "bad", run: () => Promise.reject(failure) },
      { name: "good", run: () => Promise.resolve() },
    ]);
    expect(results).toEqual([
      { name: "bad", error: failure },
      { name: "good", error: null },
    ]);
  });
});
