import { CompiledQuery } from "kysely";
import { describe, expect, test } from "vitest";
import type { ObjectKey } from "../../../src/driver.ts";
import { ACME, bytesOf, OTHER, type Tamper, testServices, textOf } from "../../support/services.ts";

type Services = Awaited<ReturnType<typeof testServices>>;

/** Move a file as a migration does: copy the bytes, then point the record to the other storage. */
async function move(services: Services, id: string, key: ObjectKey): Promise<void> {
  const read = await services.driver.get(key);
  await services.otherDriver.put(key, { kind: "once", stream: read.stream });
  await services.executor.run(
    CompiledQuery.raw("UPDATE uploads SET storage_id = ?, revision = revision + 1 WHERE id = ?", [
      services.otherStorage.id,
      id,
    ]),
  );
  await services.driver.delete([key]);
}

/** A driver whose streams deliver one byte per chunk and call `between` before each. */
function slowly(between: (index: number) => Promise<void>): Tamper {
  return (driver) => ({
    async get(...args) {
      const read = await driver.get(...args);
      const bytes = bytesOf(await textOf(read.stream));
      let index = 0;
      const stream = new ReadableStream<Uint8Array>(
        {
          async pull(controller) {
            try {
              await between(index);
            } catch (error) {
              return controller.error(error);
            }
            if (index === bytes.length) controller.close();
            else controller.enqueue(bytes.slice(index, ++index));
          },
        },
        { highWaterMark: 0 },
      );
      return { ...read, stream };
    },
  });
}

describe("open()", () => {
  test("does not find another tenant's file", async () => {
    const services = await testServices();
    const { id } = await services.put("hello");
    await expect(services.downloads.open(OTHER, id)).rejects.toMatchObject({
      code: "upload_not_found",
    });
  });

  test("serves neither uploads that are still arriving nor quarantined ones", async () => {
    const services = await testServices();
    const { id } = await services.put("hello");
    for (const [status, code] of [
      ["uploading", "upload_in_progress"],
      ["quarantined", "upload_conflict"],
    ]) {
      await services.executor.run(
        CompiledQuery.raw("UPDATE uploads SET status = ? WHERE id = ?", [status, id]),
      );
      await expect(services.downloads.open(ACME, id)).rejects.toMatchObject({ code });
    }
  });
});

describe("read()", () => {
  test("returns the whole file, a range of it, and nothing of an empty file", async () => {
    const services = await testServices();
    const upload = await services.put("hello");
    expect(await textOf(await services.downloads.read(upload, null))).toBe("hello");
    const range = { start: 1, end: 4 };
    expect(await textOf(await services.downloads.read(upload, range))).toBe("ell");
    const empty = await services.put("");
    expect(await textOf(await services.downloads.read(empty, null))).toBe("");
  });

  test("follows a file that was moved before it is opened", async () => {
    const services = await testServices();
    const upload = await services.put("hello");
    await move(services, upload.id, upload.key);
    expect(await textOf(await services.downloads.read(upload, null))).toBe("hello");
  });

  test("follows a file that moves while it is read, and neither repeats nor skips a byte", async () => {
    let services: Services | undefined;
    const tamper = slowly(async (index) => {
      if (index !== 3 || services === undefined) return;
      const { uploads } = await services.uploads.list(ACME, {}, { limit: 1, after: null });
      const [upload] = uploads;
      if (upload !== undefined) await move(services, upload.id, upload.key);
      throw new TypeError("socket closed");
    });
    services = await testServices({ tamper });
    const upload = await services.put("0123456789");
    expect(await textOf(await services.downloads.read(upload, null))).toBe("0123456789");
  });

  test("fails in the middle if the storage fails and the file has not moved", async () => {
    const services = await testServices({
      tamper: slowly((index) =>
        index === 3 ? Promise.reject(new Error("reset")) : Promise.resolve(),
      ),
    });
    const upload = await services.put("0123456789");
    const range = { start: 0, end: 9 };
    await expect(textOf(await services.downloads.read(upload, range))).rejects.toThrow("reset");
    // A small file that is requested whole is read before it is served.
    await expect(services.downloads.read(upload, null)).rejects.toThrow("reset");
  });

  test("fails with upload_not_found after a delete", async () => {
    const services = await testServices();
    const upload = await services.put("hello");
    await services.uploads.delete(ACME, upload.id);
    await expect(services.downloads.read(upload, null)).rejects.toMatchObject({
      code: "upload_not_found",
    });
  });

  test("fails with object_not_found if the bytes are missing in the storage of the record", async () => {
    const services = await testServices();
    const upload = await services.put("hello");
    await services.driver.delete([upload.key]);
    await expect(services.downloads.read(upload, null)).rejects.toMatchObject({
      code: "object_not_found",
    });
  });

  test("never serves a file that is shorter or longer than its record says", async () => {
    const services = await testServices();
    const upload = await services.put("hello");
    for (const other of ["hell", "hello!"]) {
      await services.driver.put(upload.key, { kind: "bytes", bytes: bytesOf(other) });
      await expect(services.downloads.read(upload, null)).rejects.toMatchObject({
        code: "object_corrupt",
      });
    }
  });

  test("cancels the storage's stream when its reader stops", async () => {
    let cancelled = false;
    const services = await testServices({
      tamper: (driver) => ({
        async get(...args) {
          const read = await driver.get(...args);
          const stream = new ReadableStream<Uint8Array>({
            cancel() {
              cancelled = true;
            },
          });
          return { ...read, stream };
        },
      }),
    });
    const upload = await services.put("hello");
    await (await services.downloads.read(upload, { start: 0, end: 4 })).cancel();
    expect(cancelled).toBe(true);
  });

  test.each([
    ["the whole file", null],
    ["a range", { start: 1, end: 9 }],
  ])("closes the file while its reader is idle, and continues at the same position: %s", async (_, range) => {
    const letGo = Promise.withResolvers<void>();
    const ranges: unknown[] = [];
    const services = await testServices({
      tamper: (driver) => ({
        async get(key, options) {
          ranges.push(options?.range);
          const read = await driver.get(key, options);
          const bytes = bytesOf(await textOf(read.stream));
          let at = 0;
          const stream = new ReadableStream<Uint8Array>({
            pull(controller) {
              controller.enqueue(bytes.slice(at, ++at));
              if (at === bytes.length) controller.close();
            },
            cancel: () => letGo.resolve(),
          });
          return { ...read, stream };
        },
      }),
    });
    const upload = await services.put("0123456789".repeat(30_000));
    const stream = await services.downloads.read(upload, range);
    const reader = stream.getReader();
    const { value } = await reader.read();
    await letGo.promise;
    let text = new TextDecoder().decode(value);
    // A whole small file would be read before it is served; the first ten bytes of this one are enough.
    while (text.length < 8) text += new TextDecoder().decode((await reader.read()).value);
    const { start, end } = range ?? { start: 0, end: 300_000 };
    expect(text).toBe("0123456789".slice(start, start + 8));
    expect(ranges).toEqual([range ?? undefined, { start: start + 1, end }]);
    await reader.cancel();
  });
});
