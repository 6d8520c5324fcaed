import { describe, expect, test } from "vitest";
import { deleteObjects } from "../../../drivers/s3/delete.ts";
import { headObject } from "../../../drivers/s3/head.ts";
import { leftoverGroup } from "../../../drivers/s3/multipart/leftovers.ts";
import { multipartGroup } from "../../../drivers/s3/multipart/multipart.ts";
import { putObject } from "../../../drivers/s3/put.ts";
import { isStowageError, type LeftoverGroup, parseObjectKey } from "../../../src/driver.ts";
import { fault } from "../../s3/strict-server.ts";
import { type StrictBucket, strictServer } from "./strict-storage.ts";

const makeBucket = strictServer();
const keysOf = (...names: string[]) => names.map(parseObjectKey);

/** A bucket with an object of one byte under each key. */
async function stored(...names: string[]): Promise<StrictBucket> {
  const place = await makeBucket();
  const bytes = new Uint8Array(1);
  for (const key of keysOf(...names)) await putObject(place.store, key, { kind: "bytes", bytes });
  return place;
}

const left = ({ server, bucket }: StrictBucket) =>
  server.objects(bucket).map(({ key }) => key.slice("base/".length));

describe("delete()", () => {
  test("takes one request for 1,000 keys, and a plain one for a single key", async () => {
    const names = Array.from({ length: 1000 }, (_, index) => `${index}`);
    const place = await stored("1", "kept");
    expect(await deleteObjects(place.store, keysOf(...names))).toEqual({ failures: [] });
    expect(await deleteObjects(place.store, keysOf("one"))).toEqual({ failures: [] });
    expect(await deleteObjects(place.store, [])).toEqual({ failures: [] });
    expect(place.actions().slice(2)).toEqual(["DeleteObjects", "DeleteObject"]);
    expect(left(place)).toEqual(["kept"]);
  });

  test("names keys that XML has to escape, and those it cannot hold at all", async () => {
    const names = [
      "<a>&\"'",
      "tab\t",
      "line\r\nfeed",
      "]]>",
      "\u0001",
      "\u001f/x",
      "\uffff",
      "\u{1f600}",
      "a b%20",
    ];
    const place = await stored(...names, "kept");
    const before = place.actions().length;
    expect(await deleteObjects(place.store, keysOf(...names))).toEqual({ failures: [] });
    expect(left(place)).toEqual(["kept"]);
    expect(place.actions().slice(before).toSorted()).toEqual([
      ...["DeleteObject", "DeleteObject", "DeleteObject", "DeleteObjects"],
    ]);
  });

  test("returns the failure of each key, with its code and what to do", async () => {
    const place = await stored("a", "b", "c");
    place.server.access.deny("s3:DeleteObject", "*b");
    const { failures } = await deleteObjects(place.store, keysOf("a", "b", "c"));
    expect(failures.map(({ key }) => key)).toEqual(["b"]);
    const [failure] = failures;
    expect(failure?.error).toMatchObject({ code: "storage_access_denied" });
    expect(isStowageError(failure?.error) && failure.error.advice).toMatch(
      /^allow s3:DeleteObject on arn:aws:s3:::[^/]+\/base\/\*/,
    );
    expect(left(place)).toEqual(["b"]);
    const single = await deleteObjects(place.store, keysOf("b"));
    expect(single.failures).toMatchObject([{ key: "b", error: { code: "storage_access_denied" } }]);
  });

  test("gives each refused key of many the advice for its code, with the variables of its storage", async () => {
    const place = await stored("a", "b", "c");
    const codes: Record<string, string> = {
      "base/a": "InvalidObjectState",
      "base/b": "InvalidAccessKeyId",
    };
    place.server.faults.add({
      action: "DeleteObjects",
      do: fault.refuseDeletion((key) => codes[key] as never),
    });
    const store = { ...place.store, client: { ...place.store.client, env: "ARCHIVE" } };
    const { failures } = await deleteObjects(store, keysOf("a", "b", "c"));
    expect(failures).toMatchObject([
      { key: "a", error: { advice: expect.stringMatching(/^restore it/) } },
      { key: "b", error: { advice: expect.stringMatching(/^correct ARCHIVE_AWS_ACCESS_KEY_ID/) } },
    ]);
  });

  test("tries keys alone that failed for a moment, and reports those that fail again", async () => {
    const place = await stored("a", "b", "c");
    place.server.faults.add({
      action: "DeleteObjects",
      do: fault.refuseDeletion((key) => (key === "base/a" ? undefined : "InternalError")),
    });
    place.server.faults.add({
      action: "DeleteObject",
      when: ({ key }) => key === "base/c",
      do: fault.answer(500, "InternalError"),
    });
    const { failures } = await deleteObjects(place.store, keysOf("a", "b", "c"));
    expect(failures).toMatchObject([{ key: "c", error: { code: "storage_unavailable" } }]);
    expect(left(place)).toEqual(["c"]);
  });

  test("deletes one by one where the service has no batch, and remembers that", async () => {
    for (const [status, code] of [
      [501, "NotImplemented"],
      [405, "MethodNotAllowed"],
    ] as const) {
      const place = await stored("a", "b", "c", "kept");
      const batch = place.server.faults.add({
        action: "DeleteObjects",
        do: fault.answer(status, code),
      });
      for (const keys of [keysOf("a", "b"), keysOf("c", "never")]) {
        expect(await deleteObjects(place.store, keys)).toEqual({ failures: [] });
      }
      expect(left(place)).toEqual(["kept"]);
      expect(batch.hits).toBe(1);
    }
  });

  test("counts a key as deleted that the service calls missing", async () => {
    const place = await stored("a");
    place.server.faults.add({
      action: "DeleteObjects",
      do: fault.refuseDeletion((key) => (key === "base/a" ? undefined : "NoSuchKey")),
    });
    expect(await deleteObjects(place.store, keysOf("a", "b"))).toEqual({ failures: [] });
    place.server.faults.add({ action: "DeleteObject", do: fault.answer(404, "NoSuchKey") });
    expect(await deleteObjects(place.store, keysOf("b"))).toEqual({ failures: [] });
  });

  test("fails whole on an answer that is not to be trusted", async () => {
    for (const broken of [
      fault.halfXml(),
      fault.replaceBody("<DeleteResult><Error><Code>AccessDenied</Code></Error></DeleteResult>"),
      fault.replaceBody(
        "<DeleteResult><Error><Key>x</Key><Code>AccessDenied</Code></Error></DeleteResult>",
      ),
      fault.replaceBody("<Something/>"),
    ]) {
      const place = await stored("a", "b");
      place.server.faults.add({ action: "DeleteObjects", do: broken });
      const deleting = deleteObjects(place.store, keysOf("a", "b"));
      await expect(deleting).rejects.toMatchObject({ code: "storage_unavailable" });
    }
  });
});

describe("head()", () => {
  test("distinguishes a missing object from a missing bucket", async () => {
    const place = await makeBucket();
    expect(await headObject(place.store, parseObjectKey("none"))).toBeNull();
    const store = { ...(await makeBucket()).store };
    place.server.faults.add({ action: "HeadBucket", do: fault.answer(404, "", { body: "" }) });
    const heading = headObject(store, parseObjectKey("none"));
    await expect(heading).rejects.toMatchObject({ code: "storage_misconfigured" });
  });

  test("looks at the bucket once, and takes a policy that hides it for a bucket", async () => {
    const place = await makeBucket();
    place.server.faults.add({ action: "HeadBucket", do: fault.answer(403, "", { body: "" }) });
    for (let times = 0; times < 3; times += 1) {
      expect(await headObject(place.store, parseObjectKey("none"))).toBeNull();
    }
    expect(place.actions().filter((action) => action === "HeadBucket")).toHaveLength(1);
  });

  test("fails where reading is denied, and where the answer lacks what it must have", async () => {
    const place = await stored("a");
    const [key] = keysOf("a");
    if (key === undefined) throw new Error("unreachable");
    for (const missing of ["etag", "last-modified"]) {
      const without = fault.editHeaders({ [missing]: undefined });
      place.server.faults.add({ action: "HeadObject", times: 1, do: without });
      const heading = headObject(place.store, key);
      await expect(heading).rejects.toMatchObject({ code: "storage_unavailable" });
    }
    place.server.access.deny("s3:GetObject");
    const denied = headObject(place.store, key);
    await expect(denied).rejects.toMatchObject({ code: "storage_access_denied" });
  });
});

describe("leftovers", () => {
  const begin = async (place: StrictBucket, ...names: string[]): Promise<void> => {
    for (const key of keysOf(...names)) await multipartGroup(place.store).create(key, {});
  };
  const uploads = ({ server, bucket }: StrictBucket) =>
    server.uploadsInProgress(bucket).map(({ key }) => key.slice("base/".length));

  test("are removed of one key and of no longer one, or of any that are old", async () => {
    const place = await makeBucket();
    await begin(place, "a", "a", "ab", "b");
    const leftovers: LeftoverGroup = leftoverGroup(place.store);
    const [key] = keysOf("a");
    if (key === undefined) throw new Error("unreachable");
    expect(await leftovers.remove({ key })).toBe(2);
    expect(uploads(place)).toEqual(["ab", "b"]);
    expect(await leftovers.remove({ before: Date.now() - 60_000 })).toBe(0);
    expect(await leftovers.remove({ before: Date.now() + 60_000 })).toBe(2);
    expect(uploads(place)).toEqual([]);
  });

  test("are removed of all keys right below a folder", async () => {
    const place = await makeBucket();
    await begin(place, "a", "t/1/a", "t/1/b", "t/1/c/a", "t/10/a");
    const leftovers = leftoverGroup(place.store);
    expect(await leftovers.remove({ folder: parseObjectKey("t") })).toBe(0);
    expect(await leftovers.remove({ folder: parseObjectKey("t/1") })).toBe(2);
    expect(uploads(place)).toEqual(["a", "t/1/c/a", "t/10/a"]);
  });

  test("are no one's business outside the storage's prefix", async () => {
    const place = await makeBucket();
    await place.store.client.sendForXml({
      action: "CreateMultipartUpload",
      method: "POST",
      objectKey: "other/a",
      query: [["uploads", ""]],
    });
    expect(await leftoverGroup(place.store).remove({ before: Date.now() + 60_000 })).toBe(0);
    expect(place.server.uploadsInProgress(place.bucket)).toHaveLength(1);
  });

  test("are none, with one warning, where they may not be listed", async () => {
    const warnings: string[] = [];
    const place = await makeBucket();
    const { context } = place.store;
    const logger = { ...context.logger, warn: (event: string) => void warnings.push(event) };
    const leftovers = leftoverGroup({ ...place.store, context: { ...context, logger } });
    await begin(place, "a");
    place.server.access.deny("s3:ListBucketMultipartUploads");
    expect(await leftovers.remove({ before: Date.now() })).toBe(0);
    expect(await leftovers.remove({ key: parseObjectKey("a") })).toBe(0);
    expect(warnings).toEqual(["s3.leftovers_unseen"]);
    place.server.access.allowAll();
    place.server.access.deny("s3:AbortMultipartUpload");
    const denied = leftovers.remove({ key: parseObjectKey("a") });
    await expect(denied).rejects.toMatchObject({ code: "storage_access_denied" });
  });
});

test("the driver needs no more than the six permissions that its docs name", async () => {
  const place = await makeBucket();
  place.server.access.allowOnly([
    ...["s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:ListBucket"],
    ...["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
  ]);
  const driver = await place.open({ partBytes: 5 * 1024 ** 2 });
  expect((await driver.check()).healthy).toBe(true);
  const [key] = keysOf("large");
  if (key === undefined) throw new Error("unreachable");
  const bytes = new Uint8Array(11 * 1024 ** 2);
  await driver.put(key, { kind: "bytes", bytes });
  expect((await driver.head(key))?.sizeBytes).toBe(bytes.byteLength);
  async function* breaking(): AsyncGenerator<Uint8Array> {
    yield bytes;
    throw new Error("the source broke");
  }
  const put = driver.put(key, { kind: "once", stream: breaking() });
  await expect(put).rejects.toThrow("the source broke");
  expect(place.server.uploadsInProgress(place.bucket)).toEqual([]);
  expect(await driver.leftovers?.remove({ key })).toBe(0);
  expect(await driver.delete(keysOf("large", "other"))).toEqual({ failures: [] });
});
