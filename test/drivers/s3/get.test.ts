import { describe, expect, test } from "vitest";
import { pattern } from "../../../drivers/conformance/sources.ts";
import { getObject } from "../../../drivers/s3/get.ts";
import { putObject } from "../../../drivers/s3/put.ts";
import { type GetOptions, parseObjectKey } from "../../../src/driver.ts";
import { fault } from "../../s3/strict-server.ts";
import { MIB, strictServer } from "./strict-storage.ts";

const KEY = parseObjectKey("tenant/upload/file.pdf");
const SIZE = 300_000;
const BYTES = pattern(SIZE);
const makeBucket = strictServer();

/** A bucket with `BYTES` under `KEY`. */
async function stored(bytes = BYTES) {
  const place = await makeBucket({ partBytes: 8 * MIB });
  await putObject(place.store, KEY, { kind: "bytes", bytes });
  const read = async (options?: GetOptions): Promise<Buffer> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of (await getObject(place.store, KEY, options)).stream) {
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  };
  /** The ranges of all reads so far. */
  const ranges = () =>
    place.server.requests
      .filter(({ action, bucket }) => action === "GetObject" && bucket === place.bucket)
      .map(({ headers }) => headers.get("range") ?? null);
  return { ...place, read, ranges };
}

describe("get() of an answer that breaks off", () => {
  test("goes on where it ended, however it ended", async () => {
    for (const broken of [
      fault.resetBody(100_000),
      fault.truncateBody(100_000, "length"),
      fault.truncateBody(100_000, "close"),
    ]) {
      const { server, read, ranges } = await stored();
      server.faults.add({ action: "GetObject", times: 1, do: broken });
      const bytes = await read().catch((error: unknown) => error);
      if (bytes instanceof Error) {
        // Without a length nothing is taken for granted, not even that it is long enough.
        expect(bytes).toMatchObject({ code: "storage_unavailable" });
        continue;
      }
      expect(bytes).toEqual(Buffer.from(BYTES));
      expect(ranges()).toHaveLength(2);
      expect(ranges()[1]).toMatch(/^bytes=\d+-299999$/);
    }
  });

  test("asks again when not even its first byte comes", async () => {
    for (const broken of [fault.resetBody(0), fault.truncateBody(0), fault.closeBeforeAnswer()]) {
      const { server, read, ranges } = await stored();
      server.faults.add({ action: "GetObject", times: 6, do: broken });
      expect(await read({ range: { start: 1000, end: 2000 } })) //
        .toEqual(Buffer.from(BYTES.subarray(1000, 2000)));
      expect(ranges()).toEqual(Array(7).fill("bytes=1000-1999"));
    }
  });

  test("goes on inside a range, and no further than its end", async () => {
    const { server, read, ranges } = await stored();
    server.faults.add({ action: "GetObject", times: 1, do: fault.resetBody(60_000) });
    const bytes = await read({ range: { start: 1000, end: 200_000 } });
    expect(bytes).toEqual(Buffer.from(BYTES.subarray(1000, 200_000)));
    expect(ranges()[0]).toBe("bytes=1000-199999");
    expect(ranges()[1]).toMatch(/^bytes=\d{5}-199999$/);
  });

  test("goes on as often as it makes progress, and gives up when nothing comes", async () => {
    const { server, read, ranges } = await stored();
    server.faults.add({ action: "GetObject", times: 12, do: fault.resetBody(10_000) });
    expect(await read()).toEqual(Buffer.from(BYTES));
    const before = ranges().length;
    server.faults.add({ action: "GetObject", do: fault.resetBody(0) });
    await expect(read()).rejects.toMatchObject({ code: "storage_unavailable" });
    // The budget of ten repeats, and what it earns meanwhile.
    expect(ranges().length - before).toBeLessThan(15);
  });

  test("fails with object_changed when another object lies there meanwhile", async () => {
    const { server, store, read } = await stored();
    const broken = server.faults.add({
      action: "GetObject",
      times: 1,
      do: fault.stallBody(100_000),
    });
    const reading = read();
    await broken.struck;
    await putObject(store, KEY, { kind: "bytes", bytes: pattern(SIZE, 2) });
    server.faults.add({ action: "GetObject", times: 1, do: fault.overlook("if-match") });
    broken.release();
    expect(await reading).toEqual(Buffer.from(BYTES));
    server.faults.clear();
    server.faults.add({ action: "GetObject", times: 1, do: fault.resetBody(100_000) });
    const changed = await getObject(store, KEY);
    await putObject(store, KEY, { kind: "bytes", bytes: pattern(SIZE, 3) });
    for (const overlooked of [false, true]) {
      if (overlooked) {
        server.faults.add({ action: "GetObject", times: 1, do: fault.resetBody(100_000) });
      }
      const { stream } = overlooked ? await getObject(store, KEY) : changed;
      if (overlooked) {
        await putObject(store, KEY, { kind: "bytes", bytes: pattern(SIZE, 4) });
        // A service that does not know If-Match.
        server.faults.add({ action: "GetObject", do: fault.overlook("if-match") });
      }
      const drained = (async () => {
        for await (const _ of stream);
      })();
      await expect(drained).rejects.toMatchObject({ code: "object_changed" });
    }
  });
});

describe("get() of an answer that is not what was asked for", () => {
  const RANGE = { start: 1000, end: 2000 };
  const odd = (headers: Record<string, string | undefined>) => fault.editHeaders(headers);

  test("refuses it before a byte of it is handed out, and lets go of it", async () => {
    for (const [name, range, wrong] of [
      ["200 to a range", RANGE, fault.overlook("range")],
      ["no Content-Range", RANGE, odd({ "content-range": undefined })],
      ["another range", RANGE, odd({ "content-range": "bytes 1001-2000/300000" })],
      ["a range cut short", RANGE, odd({ "content-range": "bytes 1000-1998/300000" })],
      ["a range without a size", RANGE, odd({ "content-range": "bytes 1000-1999/*" })],
      ["an encoding", undefined, odd({ "content-encoding": "br" })],
      ["no ETag", undefined, odd({ etag: undefined })],
      ["no length", undefined, fault.closeDelimited()],
      ["no length, in chunks", undefined, fault.truncateBody(SIZE, "chunked")],
    ] as const) {
      const { server, store, bucket } = await stored();
      server.faults.add({ action: "GetObject", do: wrong });
      const got = getObject(store, KEY, range === undefined ? {} : { range });
      await expect(got, name).rejects.toMatchObject({ code: "storage_unavailable" });
      if (name === "200 to a range") await expect(got).rejects.toThrow("status 200");
      await server.idle();
      expect(server.requests.filter((seen) => seen.bucket === bucket && seen.outcome === "open")) //
        .toEqual([]);
    }
  });

  test("refuses a version that a service hands out although it is not the one asked for", async () => {
    const { server, store } = await stored();
    server.faults.add({ action: "GetObject", do: fault.overlook("if-match") });
    const got = getObject(store, KEY, { ifMatch: '"other"' });
    await expect(got).rejects.toMatchObject({ code: "object_changed" });
  });

  test.each([
    [10, 20],
    [5, 20],
    [9, 11],
  ])("reports a range from %i to %i of an object with 10 bytes as object_changed", async (start, end) => {
    const { server, store, bucket } = await stored(pattern(10));
    const got = getObject(store, KEY, { range: { start, end } });
    await expect(got).rejects.toMatchObject({ code: "object_changed", retryable: false });
    await server.idle();
    expect(server.requests.filter((seen) => seen.bucket === bucket && seen.outcome === "open")) //
      .toEqual([]);
  });
});

describe("get()", () => {
  test("reads objects and ranges of no bytes", async () => {
    const { store, read } = await stored(pattern(0));
    expect((await read()).byteLength).toBe(0);
    const empty = await getObject(store, KEY, { range: { start: 0, end: 0 } });
    expect(empty).toMatchObject({ object: { sizeBytes: 0 }, range: { start: 0, end: 0 } });
    expect((await empty.stream.getReader().read()).done).toBe(true);
    const missing = parseObjectKey("missing");
    for (const [key, options, code] of [
      [missing, {}, "object_not_found"],
      [KEY, { ifMatch: '"other"' }, "object_changed"],
    ] as const) {
      const got = getObject(store, key, { ...options, range: { start: 0, end: 0 } });
      await expect(got).rejects.toMatchObject({ code });
    }
  });

  test("reads nothing ahead of its reader", async () => {
    const { server, store } = await stored(pattern(16 * MIB));
    const { stream } = await getObject(store, KEY);
    const reader = stream.getReader();
    const { value } = await reader.read();
    // What the sockets hold is not ours; the server is still at it.
    expect(value?.byteLength).toBeLessThan(MIB);
    expect(server.requests.at(-1)?.outcome).toBe("open");
    await reader.cancel();
    await server.idle();
    expect(server.requests.at(-1)?.outcome).not.toBe("open");
  });

  test("lets go of the connection when it is cancelled unread, or aborted at rest", async () => {
    const { server, store } = await stored(pattern(16 * MIB));
    await (await getObject(store, KEY)).stream.cancel();
    await server.idle();
    const controller = new AbortController();
    const { stream } = await getObject(store, KEY, { signal: controller.signal });
    controller.abort();
    await server.idle();
    const reading = stream.getReader().read();
    await expect(reading).rejects.toMatchObject({ code: "request_aborted" });
  });
});
