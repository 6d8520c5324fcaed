import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import fs from "../../../drivers/fs.ts";
import memory from "../../../drivers/memory.ts";
import { hasher } from "../../../src/adapters/hasher.ts";
import { migrate } from "../../../src/adapters/records/migrations.ts";
import { openNodeSqlite } from "../../../src/adapters/records/node-sqlite.ts";
import { createUploadRecords } from "../../../src/adapters/records/upload-records.ts";
import { sniffer } from "../../../src/adapters/sniffer.ts";
import { DriverRegistry } from "../../../src/application/storages/driver-registry.ts";
import { openStorages } from "../../../src/application/storages/open-storages.ts";
import { parseFilename } from "../../../src/domain/filename.ts";
import { buildObjectKey } from "../../../src/domain/object-key.ts";
import { type Logger, SILENT } from "../../../src/domain/ports/logger.ts";
import { parseStorageUri } from "../../../src/domain/storage-uri.ts";
import { newUploadId } from "../../../src/domain/upload-id.ts";
import {
  type DriverContext,
  type DriverDefinition,
  type ObjectKey,
  StowageError,
} from "../../../src/driver.ts";
import { testDriverContext } from "../../support/driver-context.ts";
import { ACME, TestClock } from "../../support/services.ts";
import { tempFolder } from "../../support/temp-folder.ts";

/** Starts one service after another with the same records and a folder for the storages. */
async function starts() {
  const clock = new TestClock();
  const executor = await openNodeSqlite(":memory:");
  onTestFinished(() => executor.close());
  await migrate(executor);
  const records = createUploadRecords(executor, clock);
  const folder = tempFolder();
  let open = 0;
  /** Counts the drivers that were not disposed of. */
  const counted = (definition: DriverDefinition): DriverDefinition => ({
    name: definition.name,
    async open(options, context) {
      const driver = await definition.open(options, context);
      open += 1;
      const dispose = async () => {
        open -= 1;
      };
      return { ...driver, dispose };
    },
  });
  /** The folder `away`, while it is reachable. */
  const away = {
    name: "away",
    isUp: false,
    /** Opening waits for this. */
    answer: Promise.resolve(),
    async open(_options: unknown, context: DriverContext) {
      await away.answer;
      if (away.isUp) {
        const driver = await fs.open({ path: join(folder, "away") }, context);
        // It ignores signals.
        return { ...driver, get: (key: ObjectKey) => driver.get(key) };
      }
      throw new StowageError("storage_unavailable", "Cannot reach bucket: no answer", {
        retryable: true,
      });
    },
  };
  const logged: string[] = [];
  const log = (event: string) => void logged.push(event);
  const logger: Logger = { ...SILENT, info: log, warn: log, with: () => logger };
  const { random } = testDriverContext();
  const start = async (primary: string, ...fallbacks: string[]) => {
    const at = (uri: string) => parseStorageUri(uri.replace("local:", `local:${folder}/`));
    return await openStorages(at(primary), fallbacks.map(at), {
      registry: new DriverRegistry([fs, memory, away].map(counted)),
      context: () => testDriverContext(),
      records,
      hasher,
      sniffer,
      clock,
      random,
      logger,
    });
  };
  return {
    folder,
    records,
    start,
    away,
    logged,
    openDrivers: () => open,
    /** Put an upload into the storage `uri`, and close the storage again. @returns The storage's id. */
    async store(uri: string, ...fallbacks: string[]): Promise<string> {
      const storages = await start(uri, ...fallbacks);
      const { id: storageId } = storages.primary;
      await storages.close();
      const id = newUploadId(clock.now(), random);
      const filename = parseFilename("a.txt");
      const key = buildObjectKey({ tenant: ACME, uploadId: id, filename });
      const facts = { contentType: "text/plain", createdBy: "key:x", originalFilename: "a.txt" };
      await records.reserve({ id, tenant: ACME, storageId, key, filename, ...facts }, clock.now());
      return storageId;
    },
  };
}

test("a missing fallback is reported, and neither created nor written to", async () => {
  const { start, folder, openDrivers } = await starts();
  await expect(start("local:new", "local:typo")).rejects.toMatchObject({
    code: "storage_misconfigured",
    message: `Cannot start: FILE_STORAGE_FALLBACK local:${folder}/typo cannot be used: Cannot open local storage: there is no folder ${folder}/typo; mount its disk, or correct the path`,
  });
  expect(existsSync(join(folder, "typo"))).toBe(false);
  expect(readdirSync(join(folder, "new"))).toEqual([]);
  expect(openDrivers()).toBe(0);
});

test("a fallback that was never used is reported, and gets no identity", async () => {
  const { start, folder, openDrivers } = await starts();
  mkdirSync(join(folder, "empty"));
  await expect(start("local:new", "local:empty")).rejects.toThrow(
    /FALLBACK local:\S+\/empty cannot be used: \S+ \S+ storage: nothing was ever stored there/,
  );
  expect(readdirSync(join(folder, "empty"))).toEqual([]);
  expect(openDrivers()).toBe(0);
});

test("one message names every storage that cannot be used, and how many uploads each has", async () => {
  const { start, store, folder } = await starts();
  const first = await store("local:first");
  const second = await store("local:second", "local:first");
  const starting = start("local:new", "local:typo", "away://bucket/uploads");
  await expect(starting).rejects.toMatchObject({ code: "storage_misconfigured" });
  const message = await starting.catch((error: Error) => error.message);
  for (const words of [
    `FILE_STORAGE_FALLBACK local:${folder}/typo cannot be used: `,
    "FILE_STORAGE_FALLBACK away://bucket/uploads cannot be used: Cannot reach bucket: no answer",
    `1 in local:${folder}/first (storage ${first})`,
    `1 in local:${folder}/second (storage ${second})`,
    "add them to FILE_STORAGE_FALLBACK, or correct FILE_STORAGE_TYPE, FILE_STORAGE_PATH or AWS_S3_BUCKET",
  ]) {
    expect(message).toContain(words);
  }
  expect(readdirSync(join(folder, "new"))).toEqual([]);
});

test("the error of a storage keeps its code and whether it is retryable", async () => {
  const { start } = await starts();
  await expect(start("away://bucket")).rejects.toMatchObject({
    code: "storage_unavailable",
    retryable: true,
    message: "Cannot start: storage away://bucket cannot be used: Cannot reach bucket: no answer",
  });
});

test("a storage that does not respond is not also reported as missing in the settings", async () => {
  const { start, store, folder } = await starts();
  await store("local:old");
  writeFileSync(join(folder, "old/.stowage/storage.json"), "garbage");
  const starting = start("local:old");
  await expect(starting).rejects.toThrow(`storage local:${folder}/old cannot be used: `);
  await expect(starting).rejects.not.toThrow("not configured");
});

test("older storages are recognized by their identity after they were moved", async () => {
  const { start, store } = await starts();
  const old = await store("local:old");
  const storages = await start("local:new", "local:old");
  expect(storages.ids).toEqual([old, storages.primary.id]);
  expect(storages.primary.id).not.toBe(old);
});

test("a storage that is configured twice is opened once, as the primary", async () => {
  const { start, store, openDrivers } = await starts();
  const id = await store("local:old");
  const storages = await start("local:old", "local:old", "local:old");
  expect(storages.ids).toEqual([id]);
  expect(openDrivers()).toBe(1);
  await storages.close();
  expect(openDrivers()).toBe(0);
});

test("?id= identifies a read-only storage, and is refused if the storage has another id", async () => {
  const { start, store, folder } = await starts();
  const id = "0199e4d4-0000-7000-8000-000000000001";
  mkdirSync(join(folder, "archive"));
  const storages = await start("local:new", `local:archive?id=${id}`);
  expect(storages.ids).toContain(id);
  expect(readdirSync(join(folder, "archive"))).toEqual([]);
  const other = await store("local:new");
  await expect(start("local:newer", `local:new?id=${id}`)).rejects.toThrow(
    `is storage ${other}, which differs from its ?id=`,
  );
});

test("uploads in a lost memory storage are dropped, but not by a failed start", async () => {
  const { start, store, records } = await starts();
  await store("memory:");
  await expect(start("local:new", "local:typo")).rejects.toThrow("typo");
  expect(await records.storageUsage()).toHaveLength(1);
  await start("local:new");
  expect(await records.storageUsage()).toEqual([]);
});

test("an unreachable fallback does not stop the start, and joins when it is back", async () => {
  const { start, store, away, logged, openDrivers } = await starts();
  away.isUp = true;
  const id = await store("away://bucket/uploads");
  away.isUp = false;
  const storages = await start("local:new", "away://bucket/uploads");
  expect(storages.ids).toEqual([storages.primary.id]);
  expect(storages.away).toMatchObject([
    { display: "away://bucket/uploads", expectedId: id, error: { code: "storage_unavailable" } },
  ]);
  expect(() => storages.byId(id)).toThrow("away://bucket/uploads could not be opened yet");
  await storages.retryAway();
  expect(storages.away).toHaveLength(1);

  away.isUp = true;
  await Promise.all([storages.retryAway(), storages.retryAway()]);
  expect(storages.away).toEqual([]);
  expect(storages.byId(id).id).toBe(id);
  expect(storages.ids).toEqual([id, storages.primary.id]);
  expect(logged).toContain("storage.fallback_away");
  expect(logged).toContain("storage.fallback_back");
  expect(openDrivers()).toBe(2);
});

test("a fallback that does not respond delays the start by ten seconds, and is closed if it opens later", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const { start, store, away, openDrivers } = await starts();
  away.isUp = true;
  const id = await store("away://bucket");
  const { promise, resolve } = Promise.withResolvers<void>();
  away.answer = promise;
  const starting = start("local:new", "away://bucket");
  vi.advanceTimersByTime(10_000);
  const storages = await starting;
  expect(storages.away).toMatchObject([{ expectedId: id, error: { code: "storage_timeout" } }]);
  resolve();
  await storages.retryAway();
  expect(storages.ids).toContain(id);
  // The primary and one of the two.
  await vi.waitUntil(() => openDrivers() === 2);
});

test.each([
  ["is missing", (path: string) => rmSync(path, { recursive: true })],
  [
    "is empty, as a mount point is",
    (path: string) => {
      rmSync(path, { recursive: true });
      mkdirSync(path);
    },
  ],
])("a fallback whose folder %s counts as away while the records know uploads there", async (_what, unmount) => {
  const { start, store, folder, openDrivers } = await starts();
  const id = await store("local:old");
  renameSync(join(folder, "old"), join(folder, "aside"));
  mkdirSync(join(folder, "old"));
  unmount(join(folder, "old"));
  const storages = await start("local:new", "local:old");
  expect(storages.away).toMatchObject([{ expectedId: id }]);
  await storages.retryAway();
  expect(storages.away).toHaveLength(1);
  if (existsSync(join(folder, "old"))) expect(readdirSync(join(folder, "old"))).toEqual([]);

  rmSync(join(folder, "old"), { recursive: true, force: true });
  renameSync(join(folder, "aside"), join(folder, "old"));
  await storages.retryAway();
  expect(storages.ids).toEqual([id, storages.primary.id]);
  expect(openDrivers()).toBe(2);
});

test("a different storage in the place of an away fallback does not join", async () => {
  const { start, store, folder, openDrivers } = await starts();
  const id = await store("local:old");
  renameSync(join(folder, "old"), join(folder, "aside"));
  const storages = await start("local:new", "local:old");
  mkdirSync(join(folder, "old/.stowage"), { recursive: true });
  const other = "0199e4d4-0000-7000-8000-000000000001";
  writeFileSync(join(folder, "old/.stowage/storage.json"), JSON.stringify({ id: other }));
  await storages.retryAway();
  expect(storages.away[0]?.error.message).toContain(`it is storage ${other}`);
  expect(storages.away[0]?.expectedId).toBe(id);
  expect(storages.ids).toEqual([storages.primary.id]);
  expect(openDrivers()).toBe(1);
});

test("a fallback that turns out to be the primary does not join again", async () => {
  const { start, store, away, openDrivers } = await starts();
  const id = await store("local:away");
  const storages = await start("local:away", "away://bucket");
  away.isUp = true;
  await storages.retryAway();
  expect([storages.ids, storages.away]).toEqual([[id], []]);
  expect(openDrivers()).toBe(1);
});

test("a fallback that opens after the storages were closed is closed, too", async () => {
  const { start, store, away, openDrivers } = await starts();
  away.isUp = true;
  await store("away://bucket");
  away.isUp = false;
  const storages = await start("local:new", "away://bucket");
  away.isUp = true;
  const retry = storages.retryAway();
  await storages.close();
  await retry;
  expect(openDrivers()).toBe(0);
});

test("uploads in a storage that is not configured stop the start, even if a fallback is away", async () => {
  const { start, store, folder } = await starts();
  await store("local:old");
  const starting = start("local:new", "away://bucket");
  await expect(starting).rejects.toMatchObject({ code: "storage_misconfigured", retryable: false });
  await expect(starting).rejects.toThrow("FALLBACK away://bucket cannot be used: ");
  await expect(starting).rejects.toThrow(`1 in local:${folder}/old (storage `);
});

test("an away fallback with an ?id= stands for the uploads of that storage", async () => {
  const { start, store } = await starts();
  const id = await store("local:old");
  const storages = await start("local:new", `away://bucket?id=${id}`);
  expect(storages.away).toMatchObject([{ expectedId: id }]);
  await expect(start("local:new", "away://bucket?id=mine")).rejects.toThrow("?id= is not a UUID");
});

const UUID = "0199e4d4-0000-7000-8000-000000000001";

test.each<[string, (path: string) => void, string]>([
  ["is a folder", (path) => mkdirSync(path), "it is a folder, not a file"],
  ["is empty", (path) => writeFileSync(path, ""), "it is empty"],
  ["is not JSON", (path) => writeFileSync(path, "garbage"), "its id is not a UUID"],
  ["is a number", (path) => writeFileSync(path, "1"), "its id is not a UUID"],
  ["has no id", (path) => writeFileSync(path, '{"id":7}'), "its id is not a UUID"],
  [
    "is of another version",
    (path) => writeFileSync(path, JSON.stringify({ version: 2, id: UUID })),
    "its version is 2, but this release supports version 1",
  ],
  [
    "is a terabyte long",
    (path) => {
      writeFileSync(path, "");
      truncateSync(path, 2 ** 40);
    },
    "it is longer than 4096 bytes",
  ],
  ["is a link", (path) => symlinkSync(`${path}.real`, path), "a symbolic link lies there"],
])("a storage.json that %s stops the start with advice, and stays as it is", async (_what, plant, words) => {
  const { start, store, folder, openDrivers } = await starts();
  const id = await store("local:old");
  const path = join(folder, "old/.stowage/storage.json");
  renameSync(path, `${path}.real`);
  plant(path);
  const before = readdirSync(join(folder, "old"), { recursive: true });
  for (const fallbacks of [[], ["local:old"]]) {
    const starting = start(fallbacks.length === 0 ? "local:old" : "local:new", ...fallbacks);
    await expect(starting).rejects.toThrow("Cannot start: ");
    await expect(starting).rejects.toThrow(words);
    await expect(starting).rejects.toThrow(".stowage/storage.json");
    // An operator needs these to write it again.
    await expect(starting).rejects.toThrow(`1 in storage ${id}`);
  }
  expect(readdirSync(join(folder, "old"), { recursive: true })).toEqual(before);
  expect(openDrivers()).toBe(0);

  rmSync(path, { recursive: true });
  writeFileSync(path, readFileSync(`${path}.real`));
  expect((await start("local:old")).primary.id).toBe(id);
});
