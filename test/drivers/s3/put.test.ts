import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { inPieces, pattern } from "../../../drivers/conformance/sources.ts";
import { providerOf } from "../../../drivers/s3/config/providers.ts";
import { putObject } from "../../../drivers/s3/put.ts";
import type { S3Store } from "../../../drivers/s3/store.ts";
import { type Body, parseObjectKey, Semaphore, StowageError } from "../../../src/driver.ts";
import { fault } from "../../s3/strict-server.ts";
import { PART, type StrictBucket, strictServer } from "./strict-storage.ts";

const KEY = parseObjectKey("tenant/upload/file.pdf");
const makeBucket = strictServer();

const streamOf = (bytes: Uint8Array, sizeBytes?: number): Body => ({
  kind: "once",
  stream: inPieces(bytes),
  ...(sizeBytes !== undefined && { sizeBytes }),
});

/** What lies under `KEY`, or `null`. */
function stored({ server, bucket }: StrictBucket): Uint8Array | null {
  return server.objects(bucket).find(({ key }) => key === `base/${KEY}`)?.body ?? null;
}

/** Nothing of a put is there: no object, no upload, no connection that still works on one. */
async function expectNothing(place: StrictBucket): Promise<void> {
  await place.server.idle();
  expect(stored(place)).toBeNull();
  expect(place.server.uploadsInProgress(place.bucket)).toEqual([]);
}

/** A store that counts the parts under way, and the pieces of memory that they are sent from. */
function watchParts(store: S3Store) {
  const seen = { underWay: 0, most: 0, atAbort: [] as number[], memories: new Set<unknown>() };
  const send: S3Store["client"]["send"] = async (request) => {
    if (request.action === "AbortMultipartUpload") seen.atAbort.push(seen.underWay);
    if (request.action !== "UploadPart") return await store.client.send(request);
    seen.underWay += 1;
    seen.most = Math.max(seen.most, seen.underWay);
    seen.memories.add(request.body?.buffer);
    try {
      return await store.client.send(request);
    } finally {
      // As late as a slow network would.
      await new Promise((resolve) => setImmediate(resolve));
      seen.underWay -= 1;
    }
  };
  return Object.assign(seen, { store: { ...store, client: { ...store.client, send } } });
}

/** No upload counts as under way any more: what is given back is let go. */
function expectNoMemoryKept({ pool }: S3Store): void {
  const buffer = pool.fresh();
  pool.give(buffer);
  expect(pool.take()).not.toBe(buffer);
}

describe("put() of a body of at most one part", () => {
  test("is one signed request, for every kind of body", async () => {
    const place = await makeBucket();
    for (const size of [0, 1, PART - 1, PART]) {
      const bytes = pattern(size);
      for (const body of [
        { kind: "bytes", bytes },
        { kind: "replayable", sizeBytes: size, open: (from: number) => inPieces(bytes, from) },
        streamOf(bytes, size),
        streamOf(bytes),
      ] satisfies Body[]) {
        const before = place.actions().length;
        const object = await putObject(place.store, KEY, body);
        expect(place.actions().slice(before)).toEqual(["PutObject"]);
        expect(object.sizeBytes).toBe(size);
        expect(stored(place)).toEqual(Buffer.from(bytes));
      }
    }
  });

  test("keeps the SHA-256 beside the object, within the 2 KiB of its metadata", async () => {
    const place = await makeBucket();
    const bytes = pattern(10);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    for (const body of [{ kind: "bytes", bytes } satisfies Body, streamOf(bytes)]) {
      await putObject(place.store, KEY, body);
      const [object] = place.server.objects(place.bucket);
      expect(object?.headers).toMatchObject({ "x-amz-meta-stowage-sha256": sha256 });
      await place.store.client.send({
        action: "DeleteObject",
        method: "DELETE",
        objectKey: `base/${KEY}`,
      });
    }
    const metadata = { a: "x".repeat(2000) };
    const put = putObject(place.store, KEY, streamOf(bytes), { metadata, ifNoneMatch: "*" });
    await expect(put).rejects.toMatchObject({ code: "invalid_metadata" });
    await expectNothing(place);
  });

  test("needs no Date in the answer, but an ETag", async () => {
    const place = await makeBucket();
    const dateless = fault.editHeaders({ date: "some day" });
    place.server.faults.add({ action: "PutObject", times: 1, do: dateless });
    const { modifiedAt } = await putObject(place.store, KEY, streamOf(pattern(10)));
    expect(Number.isInteger(modifiedAt / 1000)).toBe(true);
    place.server.faults.add({ action: "PutObject", do: fault.editHeaders({ etag: undefined }) });
    const put = putObject(place.store, KEY, streamOf(pattern(10)));
    await expect(put).rejects.toMatchObject({ code: "storage_unavailable" });
  });

  test("tries again after a 409 of a conditional request", async () => {
    const place = await makeBucket();
    place.server.faults.add({
      action: "PutObject",
      times: 2,
      do: fault.answer(409, "ConditionalRequestConflict"),
    });
    await putObject(place.store, KEY, streamOf(pattern(10)), { ifNoneMatch: "*" });
    expect(stored(place)).toEqual(Buffer.from(pattern(10)));
  });

  test("knows its own success when the answer to a conditional request is lost", async () => {
    const place = await makeBucket();
    place.server.faults.add({ action: "PutObject", times: 1, do: fault.loseAnswer() });
    const object = await putObject(place.store, KEY, streamOf(pattern(10)), { ifNoneMatch: "*" });
    expect(object.sizeBytes).toBe(10);
    expect(place.actions()).toEqual(["PutObject", "PutObject", "HeadObject"]);
  });

  test("takes no one else's success for its own, not even of the same bytes", async () => {
    const place = await makeBucket();
    const body = streamOf(pattern(10));
    await putObject(place.store, KEY, streamOf(pattern(10)), { ifNoneMatch: "*" });
    place.server.faults.add({
      action: "PutObject",
      times: 1,
      do: fault.answer(503, "SlowDown"),
    });
    const put = putObject(place.store, KEY, body, { ifNoneMatch: "*" });
    await expect(put).rejects.toMatchObject({ code: "object_exists" });
  });

  test("with ifNoneMatch has one winner among racing writers", async () => {
    for (const provider of [providerOf(null), providerOf("https://ceph.example")]) {
      const place = await makeBucket({ provider });
      const outcomes = await Promise.allSettled(
        Array.from({ length: 8 }, (_, seed) =>
          putObject(place.store, KEY, streamOf(pattern(100, seed)), { ifNoneMatch: "*" }),
        ),
      );
      const losers = outcomes.filter(({ status }) => status === "rejected");
      expect(losers).toHaveLength(7);
      for (const loser of losers)
        expect(loser).toMatchObject({ reason: { code: "object_exists" } });
    }
  });

  test("refuses a taken key before it reads the body, where the service may not honour the condition", async () => {
    const place = await makeBucket({ provider: providerOf("https://minio.example") });
    await putObject(place.store, KEY, streamOf(pattern(10)));
    async function* unread(): AsyncGenerator<Uint8Array> {
      yield* [];
      throw new Error("The body was read");
    }
    const body: Body = { kind: "once", stream: unread() };
    const put = putObject(place.store, KEY, body, { ifNoneMatch: "*" });
    await expect(put).rejects.toMatchObject({ code: "object_exists" });
  });
});

describe("put() of a longer body", () => {
  test("goes out in parts that hold it exactly, for every kind of body", async () => {
    const place = await makeBucket();
    for (const size of [PART + 1, 2 * PART - 1, 2 * PART, 5 * PART + 7]) {
      const bytes = pattern(size);
      for (const body of [
        { kind: "bytes", bytes },
        { kind: "replayable", sizeBytes: size, open: (from: number) => inPieces(bytes, from) },
        streamOf(bytes, size),
        streamOf(bytes),
      ] satisfies Body[]) {
        const before = place.actions().length;
        const object = await putObject(place.store, KEY, body);
        const seen = place.actions().slice(before);
        expect(seen.filter((action) => action === "UploadPart")).toHaveLength(
          Math.ceil(size / PART),
        );
        expect([seen[0], seen.at(-1)]).toEqual([
          "CreateMultipartUpload",
          "CompleteMultipartUpload",
        ]);
        expect(object.sizeBytes).toBe(size);
        expect(stored(place)).toEqual(Buffer.from(bytes));
      }
    }
  });

  test("sends a part as soon as it is full, and reports the upload's id before the first", async () => {
    const place = await makeBucket();
    const reported: string[][] = [];
    const gate = Promise.withResolvers<void>();
    async function* held(): AsyncGenerator<Uint8Array> {
      yield pattern(2 * PART);
      await gate.promise;
      yield pattern(1);
    }
    const twoParts = place.server.faults.add({
      action: "UploadPart",
      when: ({ partNumber }) => partNumber === 2,
      do: {},
    });
    const putting = putObject(
      place.store,
      KEY,
      { kind: "once", stream: held(), sizeBytes: 2 * PART + 1 },
      {
        async onMultipart(uploadId) {
          const { server, bucket } = place;
          expect(server.uploadsInProgress(bucket).map(({ id }) => id)).toEqual([uploadId]);
          reported.push(place.actions());
        },
      },
    );
    await twoParts.struck;
    gate.resolve();
    await putting;
    expect(reported).toEqual([["CreateMultipartUpload"]]);
  });

  test("fails with the error of onMultipart, and keeps nothing", async () => {
    const place = await makeBucket();
    const failure = new Error("the records are gone");
    const put = putObject(place.store, KEY, streamOf(pattern(5 * PART)), {
      onMultipart: () => Promise.reject(failure),
    });
    await expect(put).rejects.toBe(failure);
    await expectNothing(place);
    expect(place.actions()).not.toContain("UploadPart");
  });

  test("has as many parts under way as it may, of one upload and of all", async () => {
    const place = await makeBucket({ partsInFlight: 3, partsLimit: new Semaphore(4) });
    const watched = watchParts(place.store);
    await putObject(watched.store, KEY, streamOf(pattern(12 * PART)));
    expect(watched.most).toBe(3);
    // Those under way, and the one that comes in meanwhile.
    expect(watched.memories.size).toBe(4);
    const keys = ["a", "b", "c"].map((name) => parseObjectKey(name));
    await Promise.all(
      keys.map((key) => putObject(watched.store, key, streamOf(pattern(9 * PART)))),
    );
    expect(watched.most).toBe(4);
    expectNoMemoryKept(place.store);
  });

  test("aborts the upload only when no part is under way any more", async () => {
    const place = await makeBucket();
    const watched = watchParts(place.store);
    const stalled = place.server.faults.add({
      action: "UploadPart",
      when: ({ partNumber }) => partNumber === 2,
      do: fault.stallAnswer(),
    });
    async function* breaking(): AsyncGenerator<Uint8Array> {
      yield pattern(4 * PART);
      await stalled.struck;
      throw new Error("the source broke");
    }
    const put = putObject(watched.store, KEY, { kind: "once", stream: breaking() });
    await expect(put).rejects.toThrow("the source broke");
    expect(watched.atAbort).toEqual([0]);
    expectNoMemoryKept(place.store);
    stalled.release();
    await expectNothing(place);
  });

  test("sends a part again that broke off, was refused for a moment, or was cut", async () => {
    for (const trouble of [
      fault.answer(503, "SlowDown"),
      fault.resetRequest(1000),
      fault.loseAnswer(),
      fault.answer(400, "BadDigest"),
    ]) {
      const place = await makeBucket();
      place.server.faults.add({
        action: "UploadPart",
        times: 1,
        when: ({ partNumber }) => partNumber === 3,
        do: trouble,
      });
      await putObject(place.store, KEY, streamOf(pattern(5 * PART)));
      expect(stored(place)).toEqual(Buffer.from(pattern(5 * PART)));
    }
  });

  test("keeps nothing when a part fails for good, and reports why while its body still hangs", async () => {
    const place = await makeBucket();
    place.server.faults.add({
      action: "UploadPart",
      when: ({ partNumber }) => partNumber === 3,
      do: fault.answer(403, "AccessDenied"),
    });
    async function* hanging(): AsyncGenerator<Uint8Array> {
      yield pattern(4 * PART);
      await new Promise(() => {});
    }
    const put = putObject(place.store, KEY, { kind: "once", stream: hanging() });
    await expect(put).rejects.toMatchObject({ code: "storage_access_denied" });
    await expectNothing(place);
  });

  test("closes its source when a part fails while the next one waits to be sent", async () => {
    const place = await makeBucket({ partsInFlight: 1 });
    place.server.faults.add({ action: "UploadPart", do: fault.answer(403, "AccessDenied") });
    let closed = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        // At once: the second part is full before the first is answered, and nothing is asked for any more.
        yield pattern(2 * PART);
        yield pattern(PART);
      } finally {
        closed = true;
      }
    }
    const put = putObject(place.store, KEY, { kind: "once", stream: source() });
    await expect(put).rejects.toMatchObject({ code: "storage_access_denied" });
    expect(closed).toBe(true);
    await expectNothing(place);
  });

  test("keeps nothing when its body fails, ends early or late, or its caller gives up", async () => {
    const failure = new Error("the source broke");
    const gone = new StowageError("object_not_found", "The source is gone");
    async function* breaking(error: Error): AsyncGenerator<Uint8Array> {
      yield pattern(3 * PART + 10);
      throw error;
    }
    const controller = new AbortController();
    async function* givenUp(): AsyncGenerator<Uint8Array> {
      yield pattern(3 * PART + 10);
      controller.abort();
      await new Promise(() => {});
    }
    const { signal } = controller;
    for (const [body, expected] of [
      [{ kind: "once", stream: breaking(failure) }, { message: failure.message }],
      [{ kind: "once", stream: breaking(gone) }, { message: gone.message }],
      [streamOf(pattern(20 * PART), 20 * PART + 1), { code: "body_incomplete" }],
      [streamOf(pattern(20 * PART), 20 * PART - 1), { code: "body_incomplete" }],
      [streamOf(pattern(20 * PART), 10 * PART), { code: "body_incomplete" }],
      [{ kind: "once", stream: givenUp() }, { code: "request_aborted" }],
    ] satisfies [Body, object][]) {
      const place = await makeBucket();
      await expect(putObject(place.store, KEY, body, { signal })).rejects.toMatchObject(expected);
      await expectNothing(place);
      expect(place.actions()).toContain("AbortMultipartUpload");
    }
  });

  test("aborts the upload when the caller gives up while it is being created", async () => {
    const place = await makeBucket();
    const created = place.server.faults.add({
      action: "CreateMultipartUpload",
      do: fault.stallAnswer(),
    });
    const controller = new AbortController();
    const put = putObject(place.store, KEY, streamOf(pattern(3 * PART)), {
      signal: controller.signal,
    });
    await created.struck;
    controller.abort();
    created.release();
    await expect(put).rejects.toMatchObject({ code: "request_aborted" });
    await expectNothing(place);
  });

  test("aborts until the upload is gone, and hides no first error behind an abort that fails", async () => {
    for (const [times, left] of [
      [2, 0],
      [Number.POSITIVE_INFINITY, 1],
    ] as const) {
      const warnings: unknown[] = [];
      const bare = await makeBucket();
      const { logger } = bare.store.context;
      const warn = (event: string): void => void warnings.push(event);
      const context = { ...bare.store.context, logger: { ...logger, warn } };
      const place = { ...bare, store: { ...bare.store, context } };
      place.server.faults.add({
        action: "AbortMultipartUpload",
        times,
        do: fault.answer(500, "InternalError"),
      });
      const put = putObject(place.store, KEY, streamOf(pattern(3 * PART), 3 * PART + 1));
      await expect(put).rejects.toMatchObject({ code: "body_incomplete" });
      expect(place.server.uploadsInProgress(place.bucket)).toHaveLength(left);
      expect(warnings).toEqual(left === 0 ? [] : ["s3.parts_left"]);
    }
  });

  test("is aborted once more when a part was kept beside the first abort", async () => {
    const place = await makeBucket();
    const late = place.server.faults.add({
      action: "AbortMultipartUpload",
      times: 1,
      do: fault.answer(204, ""),
    });
    await expect(putObject(place.store, KEY, streamOf(pattern(3 * PART), 3 * PART + 1)))
      .rejects //
      .toMatchObject({ code: "body_incomplete" });
    expect(late.hits).toBe(1);
    await expectNothing(place);
  });

  test("says that the upload was removed under its hands", async () => {
    const place = await makeBucket();
    place.server.faults.add({
      action: "UploadPart",
      when: ({ partNumber }) => partNumber === 2,
      do: fault.answer(404, "NoSuchUpload"),
    });
    const put = putObject(place.store, KEY, streamOf(pattern(3 * PART)));
    await expect(put).rejects.toMatchObject({ code: "storage_unavailable", retryable: true });
  });
});
