import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import local from "../../../drivers/fs.ts";
import {
  findStorageId,
  identifyStorage,
} from "../../../src/application/storages/storage-identity.ts";
import {
  type Body,
  type ObjectKey,
  parseObjectKey,
  readAtMost,
  STORAGE_IDENTITY_KEY,
  type StorageDriver,
} from "../../../src/driver.ts";
import { testDriverContext } from "../../support/driver-context.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const KEPT = parseObjectKey("tenant/kept/file");
const NEW = parseObjectKey("tenant/new/file");
const X = { kind: "bytes", bytes: Uint8Array.of(120) } as const;
const GONE = { code: "storage_unavailable", retryable: true };

const contents = (folder: string) => readdirSync(folder, { recursive: true }).sort();

async function identify(root: string): Promise<StorageDriver> {
  const driver = await local.open({ path: root }, testDriverContext());
  const { random } = testDriverContext();
  await identifyStorage(driver, { clock: { now: Date.now }, random });
  return driver;
}

/** A storage in use, and its folder, which can be taken away as an unmount does. */
async function scene() {
  const parent = tempFolder();
  const root = join(parent, "root");
  const aside = join(parent, "aside");
  const driver = await identify(root);
  await driver.put(KEPT, X);
  return {
    root,
    aside,
    driver,
    identity: join(root, STORAGE_IDENTITY_KEY),
    unmount() {
      renameSync(root, aside);
      mkdirSync(root);
    },
    mount() {
      rmSync(root, { recursive: true });
      renameSync(aside, root);
    },
  };
}

/** A body that lets something happen once a part of it is in a temp file. */
function bodyWith(root: string, happening: () => void): Body {
  async function* stream() {
    yield new Uint8Array(600 * 1024);
    await expect.poll(() => readdirSync(join(root, ".stowage/tmp"))).toHaveLength(1);
    happening();
    yield Uint8Array.of(1);
  }
  return { kind: "once", stream: stream() };
}

async function readText(driver: StorageDriver, key: ObjectKey): Promise<string> {
  const bytes = await readAtMost((await driver.get(key)).stream, 1000);
  return new TextDecoder().decode(bytes ?? new Uint8Array());
}

describe("the local driver whose folder was replaced by an empty one", () => {
  test("refuses every call, leaves nothing there, and works again when the folder is back", async () => {
    const { driver, root, unmount, mount } = await scene();
    const calls: Record<string, () => Promise<unknown>> = {
      put: () => driver.put(NEW, X),
      "put if absent": () => driver.put(NEW, X, { ifNoneMatch: "*" }),
      "put of the identity": () => driver.put(STORAGE_IDENTITY_KEY, X),
      get: () => driver.get(KEPT),
      head: () => driver.head(KEPT),
      delete: () => driver.delete([KEPT]),
      list: () => driver.list(""),
      "list of a folder": () => driver.list("tenant/"),
      "sweep of a key": async () => driver.leftovers?.remove({ key: KEPT }),
      "sweep by age": async () => driver.leftovers?.remove({ before: Date.now() }),
    };
    unmount();
    for (const [name, call] of Object.entries(calls)) {
      await expect(call(), name).rejects.toMatchObject(GONE);
    }
    const { healthy, steps } = await driver.check();
    expect(healthy).toBe(false);
    expect(steps[0]).toMatchObject({ name: "write", ok: false, error: GONE });
    expect(contents(root)).toEqual([]);

    mount();
    expect((await driver.check()).healthy).toBe(true);
    expect(await readText(driver, KEPT)).toBe("x");
    await driver.put(NEW, X);
    expect(await driver.delete([KEPT, NEW])).toEqual({ failures: [] });
  });

  test("does not acknowledge a put that was under way, and leaves nothing on either side", async () => {
    const { driver, root, aside, unmount, mount } = await scene();
    await expect(driver.put(NEW, bodyWith(root, unmount))).rejects.toMatchObject(GONE);
    expect(contents(root)).toEqual([]);
    expect(existsSync(join(aside, NEW))).toBe(false);
    mount();
    // It could not be reached any more; the reservation says whose it is.
    expect(await driver.leftovers?.remove({ key: NEW })).toBe(1);
    expect(readdirSync(join(root, ".stowage/tmp"))).toEqual([]);
  });
});

describe("the local driver whose folder holds another storage", () => {
  /** Another storage takes the place of the first, with files under the same keys. */
  async function twin() {
    const first = await scene();
    const other = await scene();
    await other.driver.put(NEW, X);
    return {
      ...first,
      swap() {
        renameSync(first.root, first.aside);
        renameSync(other.root, first.root);
      },
    };
  }

  test("neither writes nor deletes there, nor sweeps its unfinished files", async () => {
    const { driver, root, swap } = await twin();
    swap();
    writeFileSync(join(root, ".stowage/tmp/unfinished"), "x");
    const before = contents(root);
    await expect(driver.put(NEW, X)).rejects.toMatchObject(GONE);
    await expect(driver.delete([KEPT, NEW])).rejects.toMatchObject(GONE);
    const sweep = async () => driver.leftovers?.remove({ before: Date.now() + 1000 });
    await expect(sweep()).rejects.toMatchObject(GONE);
    expect(contents(root)).toEqual(before);
  });

  test.each<[string, number, (driver: StorageDriver, signal: AbortSignal) => Promise<unknown>]>([
    ["a delete", 1, (driver, signal) => driver.delete([KEPT], { signal })],
    ["a list", 2, (driver, signal) => driver.list("", { signal })],
  ])("does not answer %s that was under way from what it finds there", async (_what, at, call) => {
    const { driver, root, aside, swap } = await twin();
    let looks = 0;
    const signal = {
      /** Asked between the first look at the identity and the last. */
      get aborted() {
        looks += 1;
        if (looks === at) {
          swap();
          rmSync(join(root, KEPT));
        }
        return false;
      },
    } as AbortSignal;
    await expect(call(driver, signal)).rejects.toMatchObject(GONE);
    expect(existsSync(join(aside, KEPT))).toBe(true);
  });
});

describe("the local driver whose storage.json changes", () => {
  test("takes back what it has put where another identity stands when it is done", async () => {
    const { driver, root, identity } = await scene();
    const before = contents(root);
    const id = "0199e4d4-0000-7000-8000-000000000001";
    // In place: device and inode stay the same.
    const body = bodyWith(root, () => writeFileSync(identity, JSON.stringify({ id })));
    await expect(driver.put(NEW, body)).rejects.toMatchObject(GONE);
    expect(contents(root)).toEqual(before);
  });

  test("goes on with a copy of it, restored under another inode", async () => {
    const { driver, identity } = await scene();
    const text = readFileSync(identity);
    rmSync(identity);
    await expect(driver.put(NEW, X)).rejects.toMatchObject(GONE);
    writeFileSync(`${identity}.copy`, text);
    renameSync(`${identity}.copy`, identity);
    await driver.put(NEW, X);
    expect(await driver.delete([NEW])).toEqual({ failures: [] });
  });

  test.each<[string, (identity: string) => void]>([
    ["empty", (identity) => writeFileSync(identity, "")],
    ["a folder", (identity) => mkdirSync(identity)],
    ["a link to a good one", (identity) => symlinkSync(`${identity}.aside`, identity)],
    ["very long", (identity) => writeFileSync(identity, " ".repeat(10_000))],
  ])("refuses to write where it is %s", async (_what, plant) => {
    const { driver, identity } = await scene();
    renameSync(identity, `${identity}.aside`);
    plant(identity);
    await expect(driver.put(NEW, X)).rejects.toMatchObject(GONE);
    await expect(driver.delete([KEPT])).rejects.toMatchObject(GONE);
    rmSync(identity, { recursive: true });
    renameSync(`${identity}.aside`, identity);
    await driver.put(NEW, X);
  });
});

test("the local driver holds no file open between calls: the disk could not be unmounted", async () => {
  const { driver, root } = await scene();
  await driver.put(NEW, X);
  await findStorageId(driver);
  await driver.delete([NEW]);
  await driver.list("");
  await driver.check();
  const open = readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // The listing's own.
    }
  });
  expect(open.filter((path) => path.startsWith(root))).toEqual([]);
});

test("the local driver has nothing to compare before the identity was read", async () => {
  const root = join(tempFolder(), "root");
  const driver = await local.open({ path: root }, testDriverContext());
  await driver.put(KEPT, X);
  await identify(root);
  rmSync(join(root, STORAGE_IDENTITY_KEY));
  await driver.put(NEW, X);
  expect(await driver.delete([KEPT, NEW])).toEqual({ failures: [] });
});
