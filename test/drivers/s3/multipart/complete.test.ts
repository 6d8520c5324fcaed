import { describe, expect, test } from "vitest";
import { pattern } from "../../../../drivers/conformance/sources.ts";
import { providerOf } from "../../../../drivers/s3/config/providers.ts";
import { multipartGroup } from "../../../../drivers/s3/multipart/multipart.ts";
import { putObject } from "../../../../drivers/s3/put.ts";
import { type Body, parseObjectKey } from "../../../../src/driver.ts";
import { fault } from "../../../s3/strict-server.ts";
import { PART, type StrictBucket, strictServer } from "../strict-storage.ts";

const KEY = parseObjectKey("tenant/upload/file.pdf");
const BODY: Body = { kind: "bytes", bytes: pattern(3 * PART + 1) };
const OTHER: Body = { kind: "bytes", bytes: pattern(3 * PART + 1, 2) };
const makeBucket = strictServer();

function storedBytes({ server, bucket }: StrictBucket): Uint8Array | undefined {
  return server.objects(bucket)[0]?.body;
}

describe("put() whose parts are completed", () => {
  test("is done when the answer is lost, and the repetition finds no upload", async () => {
    for (const ifNoneMatch of [{}, { ifNoneMatch: "*" }] as const) {
      for (const lost of [
        fault.loseAnswer(),
        fault.loseAnswer("end"),
        fault.replaceBody("", 500),
        fault.replaceBody("<html>bad gateway</html>", 502),
        fault.halfXml(),
      ]) {
        const place = await makeBucket();
        place.server.faults.add({ action: "CompleteMultipartUpload", times: 1, do: lost });
        const stored = await putObject(place.store, KEY, BODY, ifNoneMatch);
        expect(stored.version).toBe(`"${place.server.objects(place.bucket)[0]?.etag}"`);
        expect(storedBytes(place)).toEqual(Buffer.from(pattern(3 * PART + 1)));
      }
    }
  });

  test("fails when a 200 holds an error, and keeps nothing", async () => {
    const place = await makeBucket();
    place.server.faults.add({
      action: "CompleteMultipartUpload",
      do: fault.errorInside("InternalError"),
    });
    await expect(putObject(place.store, KEY, BODY)).rejects.toMatchObject({
      code: "storage_unavailable",
    });
    expect(place.server.objects(place.bucket)).toEqual([]);
    expect(place.server.uploadsInProgress(place.bucket)).toEqual([]);
  });

  test("does not take an older object for its own when completing fails", async () => {
    for (const old of [OTHER, BODY]) {
      const place = await makeBucket();
      await putObject(place.store, KEY, old);
      place.server.faults.add({
        action: "CompleteMultipartUpload",
        do: fault.answer(500, "InternalError"),
      });
      const put = putObject(place.store, KEY, BODY);
      await expect(put).rejects.toMatchObject({ code: "storage_unavailable" });
      expect(place.server.uploadsInProgress(place.bucket)).toEqual([]);
    }
  });

  test("does not take an older object for its own when its upload was removed", async () => {
    const place = await makeBucket();
    await putObject(place.store, KEY, OTHER);
    const { client } = place.store;
    const removing: typeof client.sendForXml = async (request) => {
      const { action, objectKey, query } = request;
      if (action === "CompleteMultipartUpload" && objectKey !== undefined && query !== undefined) {
        const abort = { action: "AbortMultipartUpload", method: "DELETE" } as const;
        await client.send({ ...abort, objectKey, query });
      }
      return await client.sendForXml(request);
    };
    const store = { ...place.store, client: { ...client, sendForXml: removing } };
    const put = putObject(store, KEY, BODY);
    await expect(put).rejects.toMatchObject({ code: "storage_unavailable", retryable: true });
    expect(storedBytes(place)).toEqual(Buffer.from(pattern(3 * PART + 1, 2)));
  });

  test("believes no 200 that says something else", async () => {
    const place = await makeBucket();
    place.server.faults.add({
      action: "CompleteMultipartUpload",
      do: fault.answer(200, "", { body: "<SomethingElse/>" }),
    });
    const put = putObject(place.store, KEY, BODY);
    await expect(put).rejects.toMatchObject({ code: "storage_unavailable" });
  });

  test("with ifNoneMatch loses to who came first, and does not win by equal bytes", async () => {
    const place = await makeBucket();
    await putObject(place.store, KEY, BODY);
    const put = putObject(place.store, KEY, BODY, { ifNoneMatch: "*" });
    await expect(put).rejects.toMatchObject({ code: "object_exists" });
    expect(place.server.uploadsInProgress(place.bucket)).toEqual([]);
  });

  test("with ifNoneMatch has one winner among racing writers, where the service decides it", async () => {
    const place = await makeBucket();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 5 }, () => putObject(place.store, KEY, BODY, { ifNoneMatch: "*" })),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(place.server.uploadsInProgress(place.bucket)).toEqual([]);
  });

  test("looks once more at the key before it completes, where the service ignores the condition", async () => {
    const place = await makeBucket({ provider: providerOf("https://ceph.example") });
    const put = putObject(place.store, KEY, BODY, {
      ifNoneMatch: "*",
      // Someone else comes while the parts are on their way.
      onMultipart: async () => void (await putObject(place.store, KEY, OTHER)),
    });
    place.server.faults.add({
      action: "CompleteMultipartUpload",
      do: fault.overlook("if-none-match"),
    });
    await expect(put).rejects.toMatchObject({ code: "object_exists" });
    expect(storedBytes(place)).toEqual(Buffer.from(pattern(3 * PART + 1, 2)));
  });

  test("is tried again after a 409 of a conditional request", async () => {
    const place = await makeBucket();
    place.server.faults.add({
      action: "CompleteMultipartUpload",
      times: 1,
      do: fault.answer(409, "ConditionalRequestConflict"),
    });
    await putObject(place.store, KEY, BODY, { ifNoneMatch: "*" });
    expect(storedBytes(place)).toEqual(Buffer.from(pattern(3 * PART + 1)));
  });

  test("learns the ETag from a HEAD where the answer has an empty one, and asks only then", async () => {
    const place = await makeBucket();
    await putObject(place.store, KEY, OTHER);
    expect(place.actions()).not.toContain("HeadObject");
    place.server.faults.add({
      action: "CompleteMultipartUpload",
      do: fault.editXml((xml) => xml.replace(/<ETag>.*<\/ETag>/, "<ETag></ETag>")),
    });
    const { version } = await putObject(place.store, KEY, BODY);
    expect(version).toBe(`"${place.server.objects(place.bucket)[0]?.etag}"`);
    expect(place.actions().at(-1)).toBe("HeadObject");
  });

  test("reports its own ETag where someone replaced the object before the HEAD", async () => {
    const place = await makeBucket();
    const own = (await putObject(place.store, KEY, BODY)).version;
    place.server.faults.add({
      action: "CompleteMultipartUpload",
      do: fault.editXml((xml) => xml.replace(/<ETag>.*<\/ETag>/, "<ETag/>")),
    });
    place.server.faults.add({
      action: "HeadObject",
      do: fault.editHeaders({ "content-length": "7" }),
    });
    expect(await putObject(place.store, KEY, BODY)).toMatchObject({
      version: own,
      sizeBytes: 3 * PART + 1,
    });
  });

  test("resolves when its caller gives up too late", async () => {
    const place = await makeBucket();
    const completed = place.server.faults.add({
      action: "CompleteMultipartUpload",
      do: fault.stallAnswer(),
    });
    const controller = new AbortController();
    const put = putObject(place.store, KEY, BODY, { signal: controller.signal });
    await completed.struck;
    controller.abort();
    completed.release();
    expect((await put).sizeBytes).toBe(3 * PART + 1);
  });
});

describe("the multipart group", () => {
  test("uploads in parts that outlive a process, and reports what is there", async () => {
    const place = await makeBucket();
    const group = multipartGroup(place.store);
    const uploadId = await group.create(KEY, { contentType: "text/plain", metadata: { a: "ü" } });
    const bytes = pattern(3 * PART + 7);
    const part = (number: number): Uint8Array => bytes.subarray((number - 1) * PART, number * PART);
    async function* stream(): AsyncGenerator<Uint8Array> {
      yield part(2).subarray(0, 10);
      yield part(2).subarray(10);
    }
    const open = (): AsyncGenerator<Uint8Array> => stream();
    const sent = [
      await group.putPart(KEY, uploadId, 4, { kind: "bytes", bytes: part(4) }),
      await group.putPart(KEY, uploadId, 2, { kind: "once", stream: stream() }),
      await group.putPart(KEY, uploadId, 2, { kind: "replayable", sizeBytes: PART, open }),
      await group.putPart(KEY, uploadId, 1, { kind: "bytes", bytes: part(1) }),
      await group.putPart(KEY, uploadId, 3, { kind: "bytes", bytes: part(3) }),
    ];
    const parts = await group.listParts(KEY, uploadId);
    expect(parts.map(({ number, sizeBytes }) => [number, sizeBytes])).toEqual([
      [1, PART],
      [2, PART],
      [3, PART],
      [4, 7],
    ]);
    const unordered = sent.filter((_, index) => index !== 1);
    const stored = await group.complete(KEY, uploadId, unordered, { ifNoneMatch: "*" });
    expect(stored).toMatchObject({ key: KEY, sizeBytes: bytes.byteLength });
    const [object] = place.server.objects(place.bucket);
    expect(object?.body).toEqual(Buffer.from(bytes));
    expect(object?.headers).toMatchObject({
      "content-type": "text/plain",
      "x-amz-meta-a": "%C3%BC",
    });
  });

  test("refuses to complete without parts, and two parts of one number", async () => {
    const group = multipartGroup((await makeBucket()).store);
    const part = { number: 1, sizeBytes: 1, version: '"a"' };
    for (const parts of [[], [part, part]]) {
      const completing = group.complete(KEY, "id", parts);
      await expect(completing).rejects.toMatchObject({ code: "invalid_request" });
    }
  });

  test("says that an upload is gone, and aborts it as often as asked", async () => {
    const place = await makeBucket();
    const group = multipartGroup(place.store);
    const uploadId = await group.create(KEY, {});
    const bytes = pattern(10);
    const part = await group.putPart(KEY, uploadId, 1, { kind: "bytes", bytes });
    await group.abort(KEY, uploadId);
    await group.abort(KEY, uploadId);
    expect(place.server.uploadsInProgress(place.bucket)).toEqual([]);
    for (const call of [
      () => group.putPart(KEY, uploadId, 1, { kind: "bytes", bytes }),
      () => group.listParts(KEY, uploadId),
      () => group.complete(KEY, uploadId, [part]),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: "object_not_found" });
    }
  });
});

describe("the multipart group on a service with small pages", () => {
  const makeSmall = strictServer({ pageSize: 2 });

  test("lists every part and every upload, whatever their keys", async () => {
    const place = await makeSmall();
    const group = multipartGroup(place.store);
    const keys = ["a/1", "a/2", "a/2", "a/+ %&<\r\n\u0001>", "a/\u{1f600}", "b/1"].map(
      parseObjectKey,
    );
    const started: string[] = [];
    for (const key of keys) started.push(`${key} ${await group.create(key, {})}`);
    const reported: string[] = [];
    let cursor: string | null = null;
    do {
      const from: { cursor?: string } = cursor === null ? {} : { cursor };
      const page: Awaited<ReturnType<typeof group.listUploads>> = await group.listUploads(
        "a/",
        from,
      );
      reported.push(...page.uploads.map(({ key, uploadId }) => `${key} ${uploadId}`));
      cursor = page.next;
    } while (cursor !== null);
    expect(reported.sort()).toEqual(started.filter((line) => line.startsWith("a/")).sort());
    const uploadId = await group.create(KEY, {});
    const bytes = pattern(3);
    for (let number = 1; number <= 5; number += 1) {
      await group.putPart(KEY, uploadId, number, { kind: "bytes", bytes });
    }
    const parts = await group.listParts(KEY, uploadId);
    expect(parts.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5]);
  });
});
