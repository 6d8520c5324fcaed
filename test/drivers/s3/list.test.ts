import { describe, expect, test } from "vitest";
import { listObjects } from "../../../drivers/s3/list.ts";
import { putObject } from "../../../drivers/s3/put.ts";
import type { S3Store } from "../../../drivers/s3/store.ts";
import { ownKey, parseObjectKey } from "../../../src/driver.ts";
import { fault } from "../../s3/strict-server.ts";
import { strictServer } from "./strict-storage.ts";

const makeBucket = strictServer();

async function put(store: S3Store, ...keys: readonly string[]): Promise<void> {
  const bytes = new Uint8Array(1);
  for (const key of keys) await putObject(store, parseObjectKey(key), { kind: "bytes", bytes });
}

async function keysOf(store: S3Store, prefix: string, limit?: number): Promise<string[]> {
  const keys: string[] = [];
  let cursor: string | null = null;
  do {
    const from: { cursor?: string } = cursor === null ? {} : { cursor };
    const options = { ...from, ...(limit !== undefined && { limit }) };
    const page: Awaited<ReturnType<typeof listObjects>> = await listObjects(store, prefix, options);
    if (page.next !== null) expect(page.objects.length).toBeGreaterThan(0);
    keys.push(...page.objects.map(({ key }) => key));
    cursor = page.next;
  } while (cursor !== null);
  return keys;
}

const ODD = ["a b", "a%20b", "a+b", "a&b<c>", "a\tb", "a\u0001b", "ä\u{1f600}", "%41"];

describe("list()", () => {
  test("reads keys back as they are, encoded by the service or not", async () => {
    const { server, store } = await makeBucket();
    await put(store, ...ODD);
    expect((await keysOf(store, "")).sort()).toEqual(ODD.toSorted());
    server.faults.add({ action: "ListObjectsV2", do: fault.overlook("encoding-type") });
    expect((await keysOf(store, "")).sort()).toEqual(ODD.toSorted());
  });

  test("reports only what lies below the storage's prefix, and leaves out what no key names", async () => {
    const { store, server } = await makeBucket();
    await put(store, "in/side");
    for (const objectKey of ["base", "bases/x", "other"]) {
      await store.client.send({
        action: "PutObject",
        method: "PUT",
        objectKey,
        body: new Uint8Array(0),
      });
    }
    // Folder markers, as consoles make them.
    const marker = (key: string): string =>
      `<Contents><Key>${key}</Key><Size>0</Size><ETag>"x"</ETag><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>`;
    server.faults.add({
      action: "ListObjectsV2",
      do: fault.editXml((xml) =>
        xml.replace("<Contents>", `${marker("base/")}${marker("base/in/")}<Contents>`),
      ),
    });
    expect(await keysOf(store, "")).toEqual(["in/side"]);
    expect(await keysOf(store, "", 1)).toEqual(["in/side"]);
  });

  test("jumps over its own folder instead of reading through it", async () => {
    const { store, actions } = await makeBucket();
    const own = Array.from({ length: 30 }, (_, index) => ownKey(`derived/${index}`));
    await put(store, "-before", ...own, ".stowagf", ".stowage0", "after");
    const before = actions().length;
    expect(await keysOf(store, "", 2)).toEqual(["-before", ".stowage0", ".stowagf", "after"]);
    expect(actions().length - before).toBeLessThan(5);
    for (const limit of [1, 1000]) {
      expect(await keysOf(store, ".stow", limit)).toEqual([".stowage0", ".stowagf"]);
    }
    expect((await keysOf(store, ".stowage/", 7)).sort()).toEqual(own.toSorted());
  });

  test("goes on behind its last key when that is deleted meanwhile", async () => {
    const { store, server, bucket } = await makeBucket();
    await put(store, "a", "b", "c");
    const page = await listObjects(store, "", { limit: 2 });
    const objectKey = "base/b";
    await store.client.send({ action: "DeleteObject", method: "DELETE", objectKey });
    expect(server.objects(bucket)).toHaveLength(2);
    const rest = await listObjects(store, "", { cursor: page.next ?? "" });
    expect(rest.objects.map(({ key }) => key)).toEqual(["c"]);
  });

  test("goes on through short and empty pages", async () => {
    const { store, server } = await makeBucket();
    await put(store, "a", "b", "c", "d");
    const page = (contents: string, more: string): string =>
      `<ListBucketResult><EncodingType>url</EncodingType>${contents}${more}</ListBucketResult>`;
    server.faults.add({
      action: "ListObjectsV2",
      times: 1,
      do: fault.replaceBody(
        page("", "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"),
      ),
    });
    const second = server.faults.add({
      action: "ListObjectsV2",
      times: 1,
      when: ({ query }) => new Map(query).get("continuation-token") === "t",
      do: fault.answer(200, "", {
        body: page(
          "<Contents><Key>base/b</Key><Size>1</Size><ETag>x</ETag><LastModified>2026-01-01T00:00:00.987Z</LastModified></Contents>",
          "<IsTruncated>true</IsTruncated><NextContinuationToken>u</NextContinuationToken>",
        ),
      }),
    });
    expect(await keysOf(store, "")).toEqual(["b", "c", "d"]);
    expect(second.hits).toBe(1);
  });

  test("ends when empty pages repeat their token", async () => {
    const { store, server } = await makeBucket();
    const turns = server.faults.add({
      // So many that it ends all the same, and well, for a reader that goes round in circles.
      action: "ListObjectsV2",
      times: 20,
      do: fault.answer(200, "", {
        body: "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>",
      }),
    });
    const listing = listObjects(store, "");
    await expect(listing).rejects.toMatchObject({ code: "storage_unavailable" });
    expect(turns.hits).toBe(2);
  });

  test("reports times in whole seconds and ETags in quotes, as answers to HEAD do", async () => {
    const { store, server } = await makeBucket();
    await put(store, "a");
    server.faults.add({
      action: "ListObjectsV2",
      do: fault.editXml((xml) =>
        xml
          .replace(
            /<LastModified>.*?<\/LastModified>/,
            "<LastModified>2026-01-01T00:00:07.987Z</LastModified>",
          )
          .replace(/<ETag>.*?<\/ETag>/, "<ETag>abc</ETag>"),
      ),
    });
    expect((await listObjects(store, "")).objects[0]).toMatchObject({
      version: '"abc"',
      modifiedAt: Date.UTC(2026, 0, 1, 0, 0, 7),
    });
  });

  test("fails on a listing that is not to be trusted", async () => {
    for (const broken of [
      fault.repeatToken(),
      fault.missingToken(),
      fault.halfXml(),
      fault.overlook("start-after"),
      fault.overlook("prefix"),
      fault.editXml((xml) => xml.replaceAll("ListBucketResult", "SomethingElse")),
      fault.editXml((xml) => xml.replace(/<Size>.*?<\/Size>/, "<Size>many</Size>")),
      fault.editXml((xml) => xml.replace("<Key>", "<Key>%zz")),
    ]) {
      const { store, server } = await makeBucket();
      await put(store, "a", "b", "c");
      const objectKey = "another";
      await store.client.send({
        action: "PutObject",
        method: "PUT",
        objectKey,
        body: new Uint8Array(0),
      });
      server.faults.add({ action: "ListObjectsV2", do: broken });
      const listing = keysOf(store, "", 2);
      await expect(listing).rejects.toMatchObject({ code: "storage_unavailable" });
    }
  });
});
