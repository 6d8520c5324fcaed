import { spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import local from "../../../drivers/fs.ts";
import { createLogger } from "../../../src/adapters/log/logger.ts";
import { ownKey, parseObjectKey, readAtMost } from "../../../src/driver.ts";
import { canRun } from "../../support/can-run.ts";
import { testDriverContext } from "../../support/driver-context.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const CHILD = fileURLToPath(new URL("put-child.ts", import.meta.url));
const KEY = parseObjectKey("tenant/upload/file");
const OTHER = parseObjectKey("tenant/upload/other");
const open = (path: string) => local.open({ path }, testDriverContext());
const bytesOf = (size: number) => ({ kind: "bytes", bytes: new Uint8Array(size) }) as const;

/** A tmpfs of its own, or `null` where we may not mount. */
function tryMount(options: string): string | null {
  const folder = tempFolder();
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder]).status === 0;
  if (mounted) onTestFinished(() => void spawnSync("umount", ["-l", folder]));
  return mounted ? folder : null;
}

function mount(options: string): string {
  const folder = tryMount(options);
  if (folder === null) throw new Error("mount failed");
  return folder;
}

const mayMount = canRun(
  process.getuid?.() === 0 && spawnSync("mount", ["--version"]).status === 0,
  "full, read-only and foreign filesystems take root, who may mount",
);

describe.skipIf(!mayMount)("the local driver on a filesystem in trouble", () => {
  test("put() fails with storage_full on a full disk, keeps the old object and frees the space", async () => {
    const driver = await open(mount("size=2m"));
    await driver.put(KEY, bytesOf(1000));
    const put = driver.put(KEY, bytesOf(3 * 1024 * 1024));
    await expect(put).rejects.toMatchObject({ code: "storage_full", retryable: true });
    expect((await driver.head(KEY))?.sizeBytes).toBe(1000);
    await driver.put(OTHER, bytesOf(1024 * 1024));
  });

  test("put() fails with storage_full when no inode is left, for the file or its folders", async () => {
    // Root, .stowage and tmp take three: room for one file, then for a file but not for its folder.
    for (const inodes of [3, 4, 5]) {
      const driver = await open(mount(`nr_inodes=${inodes}`));
      await expect(driver.put(KEY, bytesOf(10))).rejects.toMatchObject({ code: "storage_full" });
      expect(await driver.leftovers?.remove({ key: KEY })).toBe(0);
    }
  });

  test("a read-only filesystem fails put() and delete() with storage_read_only, and still reads", async () => {
    const folder = mount("size=2m");
    const driver = await open(folder);
    await driver.put(KEY, bytesOf(1000));
    spawnSync("mount", ["-o", "remount,ro", folder]);
    await expect(driver.put(OTHER, bytesOf(1))).rejects.toMatchObject({
      code: "storage_read_only",
    });
    const { failures } = await driver.delete([KEY]);
    expect(failures).toMatchObject([{ key: KEY, error: { code: "storage_read_only" } }]);
    expect((await driver.head(KEY))?.sizeBytes).toBe(1000);
    const check = await driver.check();
    expect(check.healthy).toBe(false);
    expect(check.steps).toMatchObject([
      { name: "write", ok: false, error: { code: "storage_read_only" } },
      { name: "read", ok: true },
      { name: "list", ok: true },
      { name: "delete" },
    ]);
    await open(folder);
  });

  test("check() distinguishes a full disk from one that cannot be used", async () => {
    const driver = await open(mount("nr_inodes=3"));
    const { steps } = await driver.check();
    expect(steps[0]).toMatchObject({ name: "write", ok: false, error: { code: "storage_full" } });
  });

  test("put() into another filesystem mounted below the root is refused, not copied", async () => {
    const root = tempFolder();
    const driver = await open(root);
    mkdirSync(join(root, "tenant/upload"), { recursive: true });
    spawnSync("mount", ["-t", "tmpfs", "tmpfs", join(root, "tenant")]);
    onTestFinished(() => void spawnSync("umount", ["-l", join(root, "tenant")]));
    const put = driver.put(KEY, bytesOf(1));
    await expect(put).rejects.toMatchObject({ code: "storage_misconfigured" });
    expect(readdirSync(join(root, ".stowage/tmp"))).toEqual([]);
  });
});

const maySwitchUser = canRun(
  spawnSync("setpriv", ["--reuid=65534", "--clear-groups", "true"]).status === 0,
  "denied access takes root, who may be an ordinary user (setpriv)",
);

describe.skipIf(!maySwitchUser)("the local driver as an ordinary user", () => {
  const asNobody = (...args: string[]) =>
    spawnSync("setpriv", ["--reuid=65534", "--clear-groups", process.execPath, CHILD, ...args], {
      encoding: "utf8",
    }).stdout.trim();

  test("fails with storage_access_denied where it may not write or not even look", () => {
    const root = tempFolder();
    chmodSync(root, 0o755);
    expect(asNobody(root, "file")).toBe("storage_access_denied");
    expect(asNobody(join(root, "missing"), "file")).toBe("storage_access_denied");
    chmodSync(root, 0o777);
    mkdirSync(join(root, "tenant"), { mode: 0o755 });
    expect(asNobody(root, "tenant/upload/file", "mine/upload/file")).toBe(
      "storage_access_denied\nstored",
    );
    expect(readdirSync(join(root, ".stowage/tmp"))).toEqual([]);
    chmodSync(root, 0o700);
    expect(asNobody(root, "file")).toBe("storage_access_denied");
  });
});

describe("the local driver", () => {
  test("distinguishes a missing object from a storage that is gone", async () => {
    const root = join(tempFolder(), "root");
    const driver = await open(root);
    expect(await driver.head(KEY)).toBeNull();
    rmSync(root, { recursive: true });
    const gone = { code: "storage_unavailable", retryable: true };
    await expect(driver.head(KEY)).rejects.toMatchObject(gone);
    await expect(driver.get(KEY)).rejects.toMatchObject(gone);
    await expect(driver.list("")).rejects.toMatchObject(gone);
    await expect(driver.list("tenant/")).rejects.toMatchObject(gone);
    await expect(driver.put(KEY, bytesOf(1))).rejects.toMatchObject(gone);
    expect((await driver.delete([KEY])).failures).toMatchObject([{ error: gone }]);
    expect((await driver.check()).healthy).toBe(false);
    expect(readdirSync(dirname(root))).toEqual([]);
  });

  test("get() fails with object_corrupt when its file has become shorter under it", async () => {
    const root = tempFolder();
    const driver = await open(root);
    await driver.put(KEY, bytesOf(4 * 1024 * 1024));
    const { stream } = await driver.get(KEY);
    truncateSync(join(root, KEY), 1024 * 1024);
    const reading = readAtMost(stream, Number.MAX_SAFE_INTEGER);
    await expect(reading).rejects.toMatchObject({ code: "object_corrupt" });
  });

  test("put() writes bodies of very many tiny chunks", async () => {
    const root = tempFolder();
    const driver = await open(root);
    async function* drops(): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < 5000; index += 1) yield Uint8Array.of(index);
    }
    await driver.put(KEY, { kind: "once", stream: drops() });
    const expected = Uint8Array.from({ length: 5000 }, (_, index) => index);
    expect(readFileSync(join(root, KEY))).toEqual(Buffer.from(expected));
  });

  test("keeps the place of its unfinished files for itself", async () => {
    const driver = await open(tempFolder());
    for (const path of ["tmp", "tmp/x", "tmp/x/y"]) {
      const put = driver.put(ownKey(path), bytesOf(1));
      await expect(put).rejects.toMatchObject({ code: "invalid_key" });
    }
    await driver.put(ownKey("tmpfile"), bytesOf(1));
    expect((await driver.list(".stowage/tmp")).objects.map(({ key }) => key)).toEqual([
      ".stowage/tmpfile",
    ]);
  });

  test("names its options when they are wrong", async () => {
    const context = testDriverContext();
    for (const options of [{}, { path: "" }, { path: ".", bucket: "b" }]) {
      const opening = local.open(options, context);
      await expect(opening).rejects.toMatchObject({ code: "storage_misconfigured" });
    }
    const file = join(tempFolder(), "file");
    const parent = await open(dirname(file));
    await parent.put(parseObjectKey("file"), bytesOf(1));
    await expect(open(file)).rejects.toMatchObject({ code: "storage_misconfigured" });
  });
});

test("no error of the local driver names the file, in the log at any level", async () => {
  const folder = tempFolder();
  const driver = await open(folder);
  const lines: string[] = [];
  const log = createLogger({ level: "debug", format: "json", write: (line) => lines.push(line) });
  const secret = (name: string) => parseObjectKey(`tenant/upload/SECRETNAME${name}`);
  mkdirSync(join(folder, secret("")), { recursive: true });
  writeFileSync(join(folder, secret("/file")), "");
  const long = secret("x".repeat(300));
  const calls = {
    EISDIR: () => driver.put(secret(""), bytesOf(1)),
    ENOTDIR: () => driver.put(secret("/file/inner"), bytesOf(1)),
    ENAMETOOLONG: () => driver.put(long, bytesOf(1)),
  };
  for (const [errno, call] of Object.entries(calls)) {
    const error: unknown = await call().catch((reason: unknown) => reason);
    log.error("x", { error });
    expect(error).toMatchObject({
      data: { errno },
      cause: { code: errno, syscall: expect.any(String) },
    });
  }
  expect(lines.join("\n")).not.toContain("SECRETNAME");
});
