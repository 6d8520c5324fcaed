import { join } from "node:path";
import memoryDriver from "unstorage/drivers/memory";
import { expect, test } from "vitest";
import { unstorageOptions } from "../../../drivers/unstorage/options.ts";
import unstorage, { fromUnstorage } from "../../../drivers/unstorage.ts";
import { DriverRegistry } from "../../../src/application/storages/driver-registry.ts";
import { parseStorageUri } from "../../../src/domain/storage-uri.ts";
import { parseObjectKey } from "../../../src/driver.ts";
import { testDriverContext } from "../../support/driver-context.ts";
import { fastFolder } from "../../support/temp-folder.ts";

const registry = new DriverRegistry([unstorage]);
const open = (uri: string) => registry.open(parseStorageUri(uri), testDriverContext());
const KEY = parseObjectKey("acme/0199/cv.pdf");
const BODY = { kind: "bytes", bytes: new Uint8Array(3) } as const;

test.each([
  ["unstorage:", /expected the name of a driver of unstorage, like unstorage:redis/],
  ["unstorage://redis", /expected the name of a driver/],
  ["unstorage:redis/../x", /expected no dot segments in the prefix/],
  ["unstorage:nothing-like-it", /no driver "nothing-like-it" \(it has memory, fs, redis/],
  ["unstorage:toString", /no driver "toString"/],
  ["unstorage:s3?bucket=x", /s3 is not fit for files: .*use s3:\/\/bucket/],
  ["unstorage:null", /null is not fit for files: it keeps nothing/],
  ["unstorage:lruCache", /lru-cache is not fit for files/],
  ["unstorage:fs", /fs refuses its options: Missing required option `base`/],
  ["unstorage:mongodb?connectionString=x", /mongodb needs is not installed \(npm i mongodb\)/],
  ["unstorage:memory?max_bytes=much", /max_bytes: /],
  ["unstorage:memory?timeout_ms=0&max_bytes=-1", /timeout_ms: .*|max_bytes: /],
])("open(%j) is storage_misconfigured and says what is wrong", async (uri, message) => {
  await expect(open(uri)).rejects.toMatchObject({
    code: "storage_misconfigured",
    message: expect.stringMatching(message),
  });
});

test("open() in code takes a driver at hand, and refuses what is none", async () => {
  const inner = memoryDriver();
  const driver = await unstorage.open({ driver: inner, prefix: "a/b" }, testDriverContext());
  await driver.put(KEY, BODY);
  expect(await inner.getKeys("", {})).toContain("a:b:acme:0199:cv.pdf_i");
  for (const options of [{ driver: {} }, { driver: "redis" }, { driver: inner, prefix: ".." }]) {
    await expect(unstorage.open(options, testDriverContext())).rejects.toMatchObject({
      code: "storage_misconfigured",
    });
  }
});

test("a base that looks like a number stays a name", () => {
  expect(unstorageOptions.parse({ path: "redis", base: "2024", db: "3" })).toMatchObject({
    source: { options: { base: "2024", db: 3 } },
  });
});

test("fromUnstorage() makes a driver with a name of its own, and disposes of what it was given", async () => {
  const made: { keys: string[]; disposed: boolean }[] = [];
  const kv = fromUnstorage("kv", () => {
    const inner = memoryDriver();
    const one = { keys: [] as string[], disposed: false };
    made.push(one);
    return {
      ...inner,
      setItem: (key: string, value: string) => {
        one.keys.push(key);
        return inner.setItem?.(key, value, {});
      },
      dispose() {
        one.disposed = true;
      },
    };
  });
  const kvRegistry = new DriverRegistry([kv, unstorage]);
  const driver = await kvRegistry.open(parseStorageUri("kv:a/b?max_bytes=3"), testDriverContext());
  expect([driver.name, driver.limits.maxObjectBytes]).toEqual(["kv", 3]);
  await driver.put(KEY, BODY);
  await driver.dispose?.();
  expect(made).toEqual([{ keys: ["a:b:acme:0199:cv.pdf_i"], disposed: true }]);
  await expect(
    kvRegistry.open(parseStorageUri("kv:../x"), testDriverContext()),
  ).rejects.toMatchObject({ code: "storage_misconfigured" });
});

test("open() keeps two prefixes in one store apart", async () => {
  const folder = join(fastFolder(), "files");
  const [one, other] = await Promise.all(
    ["a", "b"].map((prefix) => open(`unstorage:fs/${prefix}?base=${folder}`)),
  );
  await one?.put(KEY, BODY);
  expect(await one?.head(KEY)).toMatchObject({ sizeBytes: 3 });
  expect(await other?.head(KEY)).toBeNull();
  expect((await other?.list(""))?.objects).toEqual([]);
  const again = await open(`unstorage:fs/a?base=${folder}`);
  expect((await again.list("")).objects.map((object) => object.key)).toEqual([KEY]);
});

test("open() lists what fs would pass over: below node_modules and .git, and they themselves", async () => {
  const driver = await open(`unstorage:fs?base=${join(fastFolder(), "node_modules/files")}`);
  const keys = ["node_modules/x", "a/.git", "a/node_modules"].map(parseObjectKey);
  for (const key of keys) await driver.put(key, BODY);
  const { objects } = await driver.list("");
  expect(objects.map((object) => object.key).sort()).toEqual([...keys].sort());
});

test("put() into fs that is read-only is an error, though fs says nothing", async () => {
  const driver = await open(`unstorage:fs?readOnly=true&base=${join(fastFolder(), "files")}`);
  await expect(driver.put(KEY, BODY)).rejects.toMatchObject({ code: "storage_unavailable" });
  expect((await driver.check()).healthy).toBe(false);
});
