import { CompiledQuery } from "kysely";
import { expect, test } from "vitest";
import { MissingFiles } from "../../../src/application/uploads/missing-files.ts";
import { ownKey } from "../../../src/domain/object-key.ts";
import { type Logger, SILENT } from "../../../src/domain/ports/logger.ts";
import type { Upload } from "../../../src/domain/upload.ts";
import { type ObjectKey, StowageError } from "../../../src/driver.ts";
import {
  ACME,
  bytesOf,
  type TestServicesOptions,
  testServices,
  textOf,
} from "../../support/services.ts";
import { ECHO } from "../../support/test-app.ts";

const IDENTITY = ownKey("storage.json");

/** Services with their log lines and a count of the written marks. */
async function scene(options: TestServicesOptions = {}) {
  const lines: string[] = [];
  const logger: Logger = {
    ...SILENT,
    info: (event) => void lines.push(`info ${event}`),
    warn: (event) => void lines.push(`warn ${event}`),
    error: (event, fields) => void lines.push(`error ${event} ${fields?.["uploadId"]}`),
  };
  let writes = 0;
  const services = await testServices({
    processors: [ECHO],
    logger,
    tamperRecords: (records) => ({
      async noteMissing(...args) {
        writes += 1;
        return await records.noteMissing(...args);
      },
    }),
    ...options,
  });
  const { driver, downloads, records, executor } = services;
  return {
    ...services,
    lines,
    logger,
    written: () => writes,
    lose: (...keys: ObjectKey[]) => driver.delete(keys),
    restore: async (key: ObjectKey, text: string) =>
      void (await driver.put(key, { kind: "bytes", bytes: bytesOf(text) })),
    /** As a request reads it. */
    read: async (id: string) =>
      await textOf(await downloads.read(await downloads.open(ACME, id), null)),
    /** Move a file: the service itself does not move files yet. */
    moveTo: async (storageId: string, { id }: Upload) => {
      const query = "UPDATE uploads SET storage_id = ? WHERE id = ?";
      await executor.run(CompiledQuery.raw(query, [storageId, id]));
    },
    missing: async () => (await records.countMissing()).get(services.storages.primary.id) ?? 0,
  };
}

const notFound = { code: "object_not_found" };

test("a missing file is marked and logged once, and the mark is cleared when it is read", async () => {
  const { clock, lines, written, records, ...at } = await scene();
  const upload = await at.put("hello");
  await at.lose(upload.key);
  clock.advance(5);
  const reads = Array.from({ length: 5 }, () => at.read(upload.id));
  for (const read of reads) await expect(read).rejects.toMatchObject(notFound);
  const marked = { ...upload, missingSince: clock.now() };
  expect(await records.find(ACME, upload.id)).toEqual(marked);
  expect(lines).toEqual([`error storage.file_missing ${upload.id}`]);
  const before = written();
  clock.advance(5);
  for (let time = 0; time < 3; time += 1) {
    const range = at.downloads.read(marked, { start: 1, end: 2 });
    await expect(range).rejects.toMatchObject({ ...notFound, data: { reported: true } });
  }
  expect(written()).toBe(before);

  await at.restore(upload.key, "hello");
  expect(await at.read(upload.id)).toBe("hello");
  expect(await records.find(ACME, upload.id)).toEqual(upload);
  expect(await at.read(upload.id)).toBe("hello");
  expect(written()).toBe(before + 1);
  expect(lines.slice(1)).toEqual(["info storage.file_found"]);
  expect(await records.events(ACME, upload.id, 0, 9)).toHaveLength(1);
});

test("no file is marked as missing if its storage was replaced or is empty", async () => {
  const { lines, written, driver, ...at } = await scene();
  const upload = await at.put("hello");
  await at.lose(upload.key, IDENTITY);
  await expect(at.read(upload.id)).rejects.toMatchObject(notFound);
  const other = JSON.stringify({ id: crypto.randomUUID() });
  await driver.put(IDENTITY, { kind: "bytes", bytes: bytesOf(other) });
  await expect(at.read(upload.id)).rejects.toMatchObject(notFound);
  expect([written(), lines, await at.missing()]).toEqual([0, [], 0]);
});

test("no file is marked as missing if its storage does not respond", async () => {
  const away = new StowageError("storage_unavailable", "Cannot get: it is away");
  const { lines, written, ...at } = await scene({
    tamper: () => ({ get: () => Promise.reject(away) }),
  });
  const upload = await at.put("hello");
  await expect(at.read(upload.id)).rejects.toMatchObject({ code: "storage_unavailable" });
  expect([written(), lines, await at.missing()]).toEqual([0, [], 0]);
});

test("a file that was moved or deleted while it was read is not marked", async () => {
  const { lines, otherStorage, otherDriver, ...at } = await scene();
  const [moved, deleted] = [await at.put("moved"), await at.put("deleted")];
  await otherDriver.put(moved.key, { kind: "bytes", bytes: bytesOf("moved") });
  await at.lose(moved.key);
  const [opened, gone] = [
    await at.downloads.open(ACME, moved.id),
    await at.downloads.open(ACME, deleted.id),
  ];
  await at.moveTo(otherStorage.id, moved);
  expect(await textOf(await at.downloads.read(opened, null))).toBe("moved");
  await at.uploads.delete(ACME, deleted.id);
  const reading = at.downloads.read(gone, null);
  await expect(reading).rejects.toMatchObject({ code: "upload_not_found" });
  expect([lines, await at.missing()]).toEqual([[], 0]);
});

test("the response is the same if the mark cannot be written", async () => {
  const { lines, ...at } = await scene({
    tamperRecords: () => ({
      noteMissing: () => Promise.reject(new StowageError("records_full", "Cannot write")),
    }),
  });
  const upload = await at.put("hello");
  await at.lose(upload.key);
  await expect(at.read(upload.id)).rejects.toMatchObject(notFound);
  expect(lines).toEqual(["warn storage.missing_not_noted"]);
});

test("a job marks its missing file, and clears the mark when the file is back", async () => {
  const { worker, processing, ...at } = await scene();
  const upload = await at.put("hello");
  await at.lose(upload.key);
  const run = async () => {
    await processing.reprocess(ACME, upload.id, null);
    worker.start();
    await worker.idle();
    await worker.stop();
  };
  await run();
  const failed = { status: "failed", processing: { error: notFound } };
  expect(await at.records.find(ACME, upload.id)).toMatchObject(failed);
  expect(await at.missing()).toBe(1);
  await at.restore(upload.key, "hello");
  await run();
  expect(await at.records.find(ACME, upload.id)).toMatchObject({ status: "processed" });
  expect(await at.missing()).toBe(0);
});

test("the first run of the reconciler that reaches the storage rechecks its missing files", async () => {
  let away = true;
  const { reconciler, lines, ...at } = await scene({
    tamper: (driver) => ({
      async head(key, options) {
        if (away) throw new StowageError("storage_unavailable", "Cannot head: it is away");
        return await driver.head(key, options);
      },
    }),
  });
  const uploads: Upload[] = [];
  while (uploads.length < 120) uploads.push(await at.put("hello"));
  for (const upload of uploads) await at.records.noteMissing(upload, true);
  const lost = uploads.slice(0, 3);
  await at.lose(...lost.map(({ key }) => key));
  await reconciler.run();
  expect(await at.missing()).toBe(120);
  away = false;
  await reconciler.run();
  expect(await at.missing()).toBe(3);
  expect(lines).toHaveLength(117);
  // Once is enough: later, reads clear the marks.
  for (const { key } of lost) await at.restore(key, "hello");
  await reconciler.run();
  expect(await at.missing()).toBe(3);
});

test("recheck() continues where it stopped, and starts over at the end", async () => {
  let heads = 0;
  const { records, storages, logger, ...at } = await scene({
    tamper: (driver) => ({
      async head(key, options) {
        heads += 1;
        return await driver.head(key, options);
      },
    }),
  });
  const uploads: Upload[] = [];
  while (uploads.length < 101) {
    uploads.push(await at.put("hello"));
    // Ids are in order from one millisecond to the next.
    at.clock.advance(1);
  }
  for (const upload of uploads) await records.noteMissing(upload, true);
  await at.lose(...uploads.map(({ key }) => key));
  const last = uploads.at(-1) as Upload;
  await at.restore(last.key, "hello");
  const missing = new MissingFiles({ records, storages, logger });
  await missing.recheck(storages.primary);
  expect([heads, await at.missing()]).toEqual([100, 101]);
  await missing.recheck(storages.primary);
  expect([heads, await at.missing()]).toEqual([101, 100]);
  await missing.recheck(storages.primary);
  expect([heads, await at.missing()]).toEqual([201, 100]);
});
