import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import local from "../../../drivers/fs.ts";
import { type ObjectKey, parseObjectKey, type StorageDriver } from "../../../src/driver.ts";
import { testDriverContext } from "../../support/driver-context.ts";
import { fastFolder, tempFolder } from "../../support/temp-folder.ts";

const key = parseObjectKey;
const open = (path: string) => local.open({ path }, testDriverContext());
const X = { kind: "bytes", bytes: Uint8Array.of(120) } as const;

function plant(root: string, path: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), "x");
}

async function listAll(driver: StorageDriver, prefix: string, limit: number): Promise<ObjectKey[]> {
  const keys: ObjectKey[] = [];
  let cursor: { cursor?: string } | null = {};
  while (cursor !== null) {
    const page = await driver.list(prefix, { ...cursor, limit });
    keys.push(...page.objects.map((object) => object.key));
    cursor = page.next === null ? null : { cursor: page.next };
  }
  return keys;
}

describe("the local driver and symbolic links", () => {
  /** A storage with links in it that lead to a folder outside. */
  async function trapped() {
    const [root, outside] = [tempFolder(), tempFolder()];
    const driver = await open(root);
    writeFileSync(join(outside, "secret"), "secret");
    symlinkSync(join(outside, "secret"), join(root, "file-link"));
    symlinkSync(outside, join(root, "folder-link"));
    symlinkSync(join(outside, "nothing"), join(root, "broken-link"));
    execFileSync("mkfifo", [join(root, "pipe")]);
    await driver.put(key("tenant/upload/file"), X);
    symlinkSync(outside, join(root, "tenant/upload/deep-link"));
    const untouched = () => {
      expect(readdirSync(outside)).toEqual(["secret"]);
      expect(readFileSync(join(outside, "secret"), "utf8")).toBe("secret");
    };
    return { root, outside, driver, untouched };
  }
  const denied = { code: "storage_access_denied" };

  test("get() and head() refuse what lies behind one, and never wait for a pipe", async () => {
    const { driver } = await trapped();
    for (const path of [
      "file-link",
      "folder-link/secret",
      "tenant/upload/deep-link/secret",
      "broken-link",
      "pipe",
    ]) {
      await expect(driver.get(key(path)), path).rejects.toMatchObject(denied);
      await expect(driver.head(key(path)), path).rejects.toMatchObject(denied);
    }
  });

  test("put() writes nothing through one", async () => {
    const { driver, root, untouched } = await trapped();
    for (const path of [
      "folder-link/new",
      "folder-link/a/b/new",
      "tenant/upload/deep-link/new",
      "folder-link/secret",
    ]) {
      await expect(driver.put(key(path), X), path).rejects.toMatchObject(denied);
      await expect(driver.put(key(path), X, { ifNoneMatch: "*" }), path).rejects.toMatchObject(
        denied,
      );
    }
    for (const path of ["file-link", "broken-link"]) {
      await driver.put(key(path), X);
      expect(lstatSync(join(root, path)).isFile()).toBe(true);
    }
    untouched();
    expect(readdirSync(join(root, ".stowage/tmp"))).toEqual([]);
  });

  test("delete() removes nothing behind one, and says so", async () => {
    const { driver, root, untouched } = await trapped();
    const behind = [key("folder-link/secret"), key("tenant/upload/deep-link/secret")];
    const outcome = await driver.delete([...behind, key("file-link"), key("tenant/upload/file")]);
    const failures = outcome.failures.toSorted((a, b) => (a.key < b.key ? -1 : 1));
    expect(failures).toMatchObject(behind.map((failed) => ({ key: failed, error: denied })));
    untouched();
    expect(existsSync(join(root, "tenant/upload/file"))).toBe(false);
  });

  test("list() passes over them, over pipes and over names that are no UTF-8", async () => {
    const { driver, root } = await trapped();
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.of(0xff, 0xfe)]), "x");
    expect(await listAll(driver, "", 10)).toEqual(["tenant/upload/file"]);
    expect(await listAll(driver, "folder-link/", 10)).toEqual([]);
  });

  test("unfinished files are neither written nor removed through one", async () => {
    const { driver, root, outside, untouched } = await trapped();
    rmSync(join(root, ".stowage"), { recursive: true });
    symlinkSync(outside, join(root, ".stowage"));
    await expect(driver.put(key("other"), X)).rejects.toMatchObject(denied);
    rmSync(join(root, ".stowage"));
    mkdirSync(join(root, ".stowage"));
    symlinkSync(outside, join(root, ".stowage/tmp"));
    await expect(driver.put(key("other"), X)).rejects.toMatchObject(denied);
    await expect(driver.leftovers?.remove({ before: Date.now() + 1000 })).rejects.toMatchObject(
      denied,
    );
    untouched();
  });
});

describe("list() of the local driver", () => {
  test("reports any tree in the order of its keys' bytes, in pages of any size", async () => {
    const segment = fc.string({
      unit: fc.constantFrom("a", "b", ".", "-", "!", "0", "\u00e9", "\uffee", "\u{1f600}"),
      minLength: 1,
      maxLength: 3,
    });
    const path = fc
      .array(
        segment.filter((text) => text !== "." && text !== ".."),
        { minLength: 1, maxLength: 3 },
      )
      .map((segments) => segments.join("/"));
    const tree = fc.uniqueArray(path, { minLength: 1, maxLength: 25 });
    const root = fastFolder();
    let trees = 0;
    await fc.assert(
      fc.asyncProperty(tree, fc.integer({ min: 1, max: 7 }), async (paths, limit) => {
        trees += 1;
        const base = join(root, `${trees}`);
        const driver = await open(base);
        const kept = paths.filter(
          (candidate) => !paths.some((other) => other.startsWith(`${candidate}/`)),
        );
        for (const one of kept) plant(base, one);
        const sorted = kept.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        expect(await listAll(driver, "", limit)).toEqual(sorted);
        const prefix = sorted[0]?.slice(0, 2) ?? "";
        expect(await listAll(driver, prefix, limit)).toEqual(
          sorted.filter((one) => one.startsWith(prefix)),
        );
      }),
      { numRuns: 60 },
    );
  });

  test("reports folders with more entries than it holds at once, empty folders between them", async () => {
    const root = fastFolder();
    const driver = await open(root);
    const expected: string[] = [];
    for (let index = 0; index < 3000; index += 1) {
      const name = `big/${String((index * 7919) % 3000).padStart(4, "0")}`;
      if (index % 2 === 0) mkdirSync(join(root, name), { recursive: true });
      else {
        plant(root, name);
        expected.push(name);
      }
    }
    expect(await listAll(driver, "", 700)).toEqual(expected.sort());
    expect(await listAll(driver, "big/29", 7)).toEqual(expected.filter((one) => one > "big/29"));
  });
});

describe("delete() of the local driver", () => {
  test("removes the folders that it has emptied, but no others and not the root", async () => {
    const root = tempFolder();
    const driver = await open(root);
    for (const path of ["a/b/c/one", "a/b/two", "d/three"]) await driver.put(key(path), X);
    await driver.delete([key("a/b/c/one"), key("d/three")]);
    expect(readdirSync(root).sort()).toEqual([".stowage", "a"]);
    expect(readdirSync(join(root, "a/b"))).toEqual(["two"]);
    await driver.delete([key("a/b/two")]);
    expect(readdirSync(root)).toEqual([".stowage"]);
  });

  test("never takes a sibling along whose put has just made the folder, in 1,000 rounds", async () => {
    const root = fastFolder();
    const [driver, other] = [await open(root), await open(root)];
    const [kept, removed] = [key("tenant/upload/kept"), key("tenant/upload/removed")];
    for (let round = 0; round < 1000; round += 1) {
      let storing = true;
      // Deletes that find the folder empty over and over, from this process and as if from another.
      const deleter = round % 2 === 0 ? driver : other;
      const deleting = (async () => {
        while (storing) expect((await deleter.delete([removed])).failures).toEqual([]);
      })();
      const { version } = await driver.put(kept, X).finally(() => {
        storing = false;
      });
      await deleting;
      expect((await driver.head(kept))?.version).toBe(version);
      await driver.delete([kept]);
      expect(existsSync(join(root, "tenant"))).toBe(false);
    }
  });
});

describe("leftovers of the local driver", () => {
  /** A storage with one temp file for each key, as a put that was killed leaves it. */
  async function abandoned(...paths: string[]) {
    const root = tempFolder();
    const driver = await open(root);
    const folder = join(root, ".stowage/tmp");
    const names = new Map<string, string>();
    for (const path of paths) {
      const before = existsSync(folder) ? readdirSync(folder) : [];
      let copied = false;
      async function* body(): AsyncGenerator<Uint8Array> {
        yield new Uint8Array(600_000);
        yield new Uint8Array(600_000);
        const name = readdirSync(folder).find((found) => !before.includes(found)) ?? "";
        names.set(path, name);
        writeFileSync(join(folder, `${name.slice(0, -1)}z`), "left by a put that was killed");
        copied = true;
      }
      await driver.put(key(path), { kind: "once", stream: body() });
      expect(copied).toBe(true);
    }
    return { driver, folder, names };
  }

  test("remove() with a key removes its own and no other's", async () => {
    const { driver, folder } = await abandoned("a", "b");
    expect(readdirSync(folder)).toHaveLength(2);
    expect(await driver.leftovers?.remove({ key: key("missing") })).toBe(0);
    expect(await driver.leftovers?.remove({ key: key("a") })).toBe(1);
    expect(readdirSync(folder)).toHaveLength(1);
    expect(await driver.leftovers?.remove({ key: key("b") })).toBe(1);
    expect(await listAll(driver, "", 10)).toEqual(["a", "b"]);
  });

  test("remove() with a folder removes those of every key in it and no other's", async () => {
    const { driver, folder } = await abandoned("t/1/a", "t/1/b", "t/1/c/a", "t/10/a", "a");
    expect(await driver.leftovers?.remove({ folder: key("t") })).toBe(0);
    expect(await driver.leftovers?.remove({ folder: key("t/1") })).toBe(2);
    expect(readdirSync(folder)).toHaveLength(3);
    expect(await driver.leftovers?.remove({ key: key("t/1/c/a") })).toBe(1);
    expect(await driver.leftovers?.remove({ key: key("t/10/a") })).toBe(1);
  });

  test("a file whose bytes have stopped coming is touched, so that it stays", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    onTestFinished(() => void vi.useRealTimers());
    const root = tempFolder();
    const driver = await open(root);
    const { deadAfterMs = 0 } = driver.leftovers ?? {};
    const folder = join(root, ".stowage/tmp");
    let removed = -1;
    async function* body(): AsyncGenerator<Uint8Array> {
      for (let count = 0; count < 3; count += 1) yield new Uint8Array(600_000);
      const path = join(folder, readdirSync(folder)[0] ?? "");
      // As if it had waited for that long already.
      const then = Date.now() - 2 * deadAfterMs;
      utimesSync(path, then / 1000, then / 1000);
      vi.advanceTimersByTime(deadAfterMs / 2);
      while (statSync(path).mtimeMs < then + deadAfterMs) await setImmediate();
      removed = (await driver.leftovers?.remove({ before: Date.now() - deadAfterMs })) ?? -1;
      yield new Uint8Array(1);
    }
    const stored = await driver.put(key("slow"), { kind: "once", stream: body() });
    expect(removed).toBe(0);
    expect(stored).toEqual(await driver.head(key("slow")));
    expect(stored.sizeBytes).toBe(1_800_001);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("a put whose file was taken away fails, and stores nothing", async () => {
    const root = tempFolder();
    const driver = await open(root);
    async function* body(): AsyncGenerator<Uint8Array> {
      for (let count = 0; count < 3; count += 1) yield new Uint8Array(600_000);
      expect(await driver.leftovers?.remove({ folder: key("t") })).toBe(1);
      yield new Uint8Array(1);
    }
    const putting = driver.put(key("t/slow"), { kind: "once", stream: body() });
    const error = { code: "storage_unavailable", retryable: true };
    await expect(putting).rejects.toMatchObject(error);
    await expect(putting).rejects.toThrow("its unfinished file was removed meanwhile");
    expect(await listAll(driver, "", 10)).toEqual([]);
    expect(existsSync(join(root, "t"))).toBe(false);
  });

  test("remove() with a moment spares what was written later", async () => {
    const { driver, folder } = await abandoned("old", "new");
    const [first = ""] = readdirSync(folder);
    utimesSync(join(folder, first), 1000, 1000);
    expect(await driver.leftovers?.remove({ before: 999_000 })).toBe(0);
    expect(await driver.leftovers?.remove({ before: 1_001_000 })).toBe(1);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  test("remove() finds none in a storage that was never written to", async () => {
    const driver = await open(tempFolder());
    expect(await driver.leftovers?.remove({ before: Date.now() })).toBe(0);
  });
});

describe.skipIf(!existsSync("/proc/self/fd"))("the local driver's descriptors", () => {
  const descriptors = () => readdirSync("/proc/self/fd").length;

  test("are back after 1,000 puts that were aborted at any moment, and so are temp files", async () => {
    const root = fastFolder();
    const driver = await open(root);
    await driver.put(key("warm"), X);
    const before = descriptors();
    const chunk = new Uint8Array(300_000);
    for (let round = 0; round < 100; round += 1) {
      const outcomes = Array.from({ length: 10 }, async (_, index) => {
        const controller = new AbortController();
        async function* body(): AsyncGenerator<Uint8Array> {
          for (let count = 0; count < 6; count += 1) {
            if (index === count) controller.abort();
            yield chunk;
          }
          if (index > 5) for (let turn = 0; turn < (index - 5) * round; turn += 1) await null;
          if (index > 5) setImmediate(() => controller.abort());
        }
        const path = key(`tenant/${index}/file`);
        const { signal } = controller;
        return await driver.put(path, { kind: "once", stream: body() }, { signal }).then(
          () => "stored",
          (error: { code: string }) => error.code,
        );
      });
      const codes = new Set(await Promise.all(outcomes));
      expect(codes.has("request_aborted")).toBe(true);
      codes.delete("request_aborted");
      codes.delete("stored");
      expect(codes).toEqual(new Set());
    }
    expect(readdirSync(join(root, ".stowage/tmp"))).toEqual([]);
    for (const { sizeBytes } of (await driver.list("tenant/")).objects) {
      expect(sizeBytes).toBe(6 * chunk.byteLength);
    }
    expect(descriptors()).toBe(before);
  });

  test("are back after 1,000 gets that were cancelled, aborted, or never begun", async () => {
    const driver = await open(fastFolder());
    const large = key("large");
    await driver.put(large, {
      kind: "bytes",
      bytes: new Uint8Array(2_000_000),
    });
    const before = descriptors();
    for (let round = 0; round < 1000; round += 1) {
      const controller = new AbortController();
      const { signal } = controller;
      const reader = (await driver.get(large, { signal })).stream.getReader();
      for (let count = 0; count < round % 4; count += 1) await reader.read();
      if (round % 3 === 0) controller.abort();
      else await reader.cancel();
      // Each round, before the garbage collector can hide a leak by closing what no one holds.
      expect(descriptors()).toBeLessThan(before + 5);
    }
    // An abort closes behind the read on its way: the last ones need a moment, which a get outlasts.
    while (descriptors() > before) await driver.head(large);
    expect(descriptors()).toBe(before);
  });

  test("are back after gets that are refused", async () => {
    const driver = await open(fastFolder());
    await driver.put(key("large"), { kind: "bytes", bytes: new Uint8Array(2_000_000) });
    const before = descriptors();
    for (let count = 0; count < 20; count += 1) {
      const get = driver.get(key("large"), { ifMatch: "other" });
      await expect(get).rejects.toMatchObject({ code: "object_changed" });
      await expect(driver.get(key("large/below"))).rejects.toMatchObject({
        code: "object_not_found",
      });
    }
    expect(descriptors()).toBe(before);
  });

  test("are back at once for an object of one chunk, also when no one reads the stream", async () => {
    const driver = await open(fastFolder());
    await driver.put(key("small"), X);
    const before = descriptors();
    const reads = [];
    for (let count = 0; count < 50; count += 1) reads.push(await driver.get(key("small")));
    while (descriptors() > before) await driver.head(key("small"));
    expect(reads).toHaveLength(50);
  });
});
