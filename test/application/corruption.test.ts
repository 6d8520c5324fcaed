import { expect, test } from "vitest";
import { CorruptFiles } from "../../src/application/downloads/corrupt-files.ts";
import type { Logger } from "../../src/domain/ports/logger.ts";
import { SILENT } from "../../src/domain/ports/logger.ts";
import type { UploadId } from "../../src/domain/upload-id.ts";
import { type ObjectKey, StowageError } from "../../src/driver.ts";
import { ACME, bytesOf, testServices, textOf } from "../support/services.ts";
import { ECHO } from "../support/test-app.ts";

const LARGE = "0123456789abcdef".repeat(48 * 1024);

/** How a disk or a person may damage a file. */
const DAMAGES: readonly (readonly [string, (text: string) => string])[] = [
  ["a flipped bit at its beginning", (text) => `1${text.slice(1)}`],
  ["a flipped bit at its end", (text) => `${text.slice(0, -1)}X`],
  ["other bytes of the same length", (text) => "z".repeat(text.length)],
  ["one byte fewer", (text) => text.slice(0, -1)],
  ["one byte more", (text) => `${text}.`],
  ["no bytes at all", () => ""],
];

async function scene(content: string, damage: (text: string) => string) {
  const lines: { event: string; fields: unknown }[] = [];
  const logger: Logger = {
    ...SILENT,
    error: (event, fields) => void lines.push({ event, fields }),
  };
  const services = await testServices({ logger, processors: [ECHO] });
  const upload = await services.put(content);
  const { driver } = services;
  // In pieces: as streams from disks and networks come.
  const bytes = bytesOf(damage(content));
  const pieces = (async function* () {
    for (let at = 0; at < bytes.length; at += 100_000) yield bytes.slice(at, at + 100_000);
  })();
  await driver.put(upload.key, { kind: "once", stream: pieces });
  return { ...services, upload, lines };
}

async function readAll(
  stream: ReadableStream<Uint8Array>,
): Promise<{ bytes: number; code: string }> {
  let bytes = 0;
  try {
    for await (const chunk of stream) bytes += chunk.byteLength;
  } catch (error) {
    return { bytes, code: (error as { code: string }).code };
  }
  return { bytes, code: "none" };
}

test.each(
  DAMAGES,
)("a small file with %s is refused before its answer begins", async (_, damage) => {
  const { downloads, upload, lines, storages } = await scene("0 is how it begins", damage);
  await expect(downloads.read(upload, null)).rejects.toMatchObject({ code: "object_corrupt" });
  const { id: uploadId, storageId } = upload;
  const line = { event: "download.corrupt", fields: { uploadId, tenantId: ACME, storageId } };
  expect(lines).toEqual([line]);
  expect(storages.primary.corruption).toEqual({ reads: 1, lastAt: expect.any(Number) });
});

test.each(DAMAGES)("a large file with %s is never served to its end", async (_, damage) => {
  const { downloads, upload, lines } = await scene(LARGE, damage);
  let outcome: { bytes: number; code: string };
  try {
    outcome = await readAll(await downloads.read(upload, null));
  } catch (error) {
    outcome = { bytes: 0, code: (error as { code: string }).code };
  }
  expect(outcome.code).toBe("object_corrupt");
  expect(outcome.bytes).toBeLessThan(LARGE.length);
  expect(lines.map(({ event }) => event)).toEqual(["download.corrupt"]);
});

test("unchanged files are served whole, whatever their chunks", async () => {
  for (const content of ["", "x", "x".repeat(256 * 1024), `${LARGE}!`]) {
    const { downloads, upload, lines } = await scene(content, (text) => text);
    expect(await textOf(await downloads.read(upload, null))).toBe(content);
    const whole = { start: 0, end: content.length };
    expect(await textOf(await downloads.read(upload, whole))).toBe(content);
    expect(lines).toEqual([]);
  }
});

test("endless bytes are not collected in memory", async () => {
  let sent = 0;
  const services = await testServices({
    tamper: (driver) => ({
      async get(...args) {
        const read = await driver.get(...args);
        const stream = new ReadableStream<Uint8Array>({
          pull(controller) {
            sent += 1;
            if (sent > 1000) controller.close();
            controller.enqueue(new Uint8Array(1000));
          },
        });
        return { ...read, stream };
      },
    }),
  });
  const upload = await services.put("hello");
  const read = services.downloads.read(upload, null);
  await expect(read).rejects.toMatchObject({ code: "object_corrupt" });
  expect(sent).toBeLessThan(10);
});

test("a range is served unverified, except for the length of its file", async () => {
  const { downloads, upload } = await scene(LARGE, (text) => `${text.slice(0, -1)}X`);
  expect(await textOf(await downloads.read(upload, { start: 0, end: 5 }))).toBe("01234");
  const shorter = await scene(LARGE, (text) => text.slice(1));
  await expect(shorter.downloads.read(shorter.upload, { start: 0, end: 5 })).rejects.toMatchObject({
    code: "object_corrupt",
  });
});

test("ranges of a corrupt file are refused until the whole file was read and verified", async () => {
  for (const content of ["0123456789", LARGE]) {
    const { downloads, upload, driver, lines } = await scene(
      content,
      (text) => `1${text.slice(1)}`,
    );
    const end = () => downloads.read(upload, { start: 5, end: content.length });
    const whole = async () => readAll(await downloads.read(upload, null));
    expect(await textOf(await end())).toBe(content.slice(5));
    // The request for a small file fails; the download of a large one breaks off.
    expect(await whole().catch(({ code }) => ({ code }))).toMatchObject({ code: "object_corrupt" });
    await expect(end()).rejects.toMatchObject({ code: "object_corrupt", retryable: false });
    expect(lines).toHaveLength(1);
    await driver.put(upload.key, { kind: "bytes", bytes: bytesOf(content) });
    await expect(end()).rejects.toMatchObject({ code: "object_corrupt" });
    expect(await whole()).toEqual({ bytes: content.length, code: "none" });
    expect(await textOf(await end())).toBe(content.slice(5));
  }
});

test("a corrupt file affects neither other files nor its copy in another storage", async () => {
  const scenery = await scene("0 here", (text) => `1${text.slice(1)}`);
  const { downloads, upload, otherDriver, otherStorage, put } = scenery;
  await expect(downloads.read(upload, null)).rejects.toMatchObject({ code: "object_corrupt" });
  const range = { start: 0, end: 5 };
  expect(await textOf(await downloads.read(await put("another"), range))).toBe("anoth");
  await otherDriver.put(upload.key, { kind: "bytes", bytes: bytesOf("0 here") });
  const moved = { ...upload, storageId: otherStorage.id };
  expect(await textOf(await downloads.read(moved, range))).toBe("0 her");
});

test("CorruptFiles remembers the last thousand files", () => {
  const found = new CorruptFiles();
  const place = (n: number) => ({ id: `${n}` as UploadId, storageId: "s", key: "k" as ObjectKey });
  for (let n = 0; n < 1000; n += 1) found.add(place(n));
  found.add(place(0));
  found.add(place(1000));
  expect([0, 1, 2, 1000].filter((n) => found.has(place(n)))).toEqual([0, 2, 1000]);
});

test("a file that its storage reports as changed is corrupt, before the first byte and later", async () => {
  const changed = () => new StowageError("object_changed", "Cannot read object: it is shorter");
  let amid = false;
  const lines: string[] = [];
  const services = await testServices({
    logger: { ...SILENT, error: (event) => void lines.push(event) },
    tamper: (driver) => ({
      async get(...args) {
        if (!amid) throw changed();
        const { object, range } = await driver.get(...args);
        let sent = false;
        const stream = new ReadableStream<Uint8Array>({
          pull(controller) {
            if (sent) throw changed();
            sent = true;
            controller.enqueue(bytesOf("01"));
          },
        });
        return { object, range, stream };
      },
    }),
  });
  const read = async () =>
    services.downloads.read(await services.put("0123456789"), { start: 0, end: 5 });
  await expect(read()).rejects.toMatchObject({ code: "object_corrupt", retryable: false });
  amid = true;
  expect(await readAll(await read())).toEqual({ bytes: 2, code: "object_corrupt" });
  expect(lines).toEqual(["download.corrupt", "download.corrupt"]);
});

test("a file whose bytes were damaged while it moved is read from its new storage", async () => {
  const { downloads, upload, records, otherDriver, otherStorage, executor } = await scene(
    "0 moved",
    (text) => `1${text.slice(1)}`,
  );
  await otherDriver.put(upload.key, { kind: "bytes", bytes: bytesOf("0 moved") });
  const { CompiledQuery } = await import("kysely");
  await executor.run(
    CompiledQuery.raw("UPDATE uploads SET storage_id = ? WHERE id = ?", [
      otherStorage.id,
      upload.id,
    ]),
  );
  expect((await records.find(ACME, upload.id))?.storageId).toBe(otherStorage.id);
  expect(await textOf(await downloads.read(upload, null))).toBe("0 moved");
});

test("results of processors for a corrupt file do not count", async () => {
  const { processing, upload, worker, records, clock } = await scene("0 text", () => "1 text");
  await processing.reprocess(ACME, upload.id, null);
  worker.start();
  await worker.idle();
  const found = await records.find(ACME, upload.id);
  expect(found?.status).toBe("failed");
  expect(found?.processing).toMatchObject({
    attempts: 1,
    error: { code: "object_corrupt", retryable: false },
    finishedAt: clock.now(),
  });
  expect(await records.results(ACME, upload.id)).toMatchObject([{ textKey: null, output: null }]);
});
