import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { conformanceCases, register } from "../../drivers/conformance/index.ts";
import { pattern } from "../../drivers/conformance/sources.ts";
import s3 from "../../drivers/s3.ts";
import { parseObjectKey, type StorageDriver } from "../../src/driver.ts";
import type { S3Endpoint } from "../s3/endpoint.ts";
import { hasRadosgw, startRadosgw } from "../s3/radosgw.ts";
import { testDriverContext } from "../support/driver-context.ts";

const PART = 5 * 1024 ** 2;

describe.skipIf(!hasRadosgw())("the s3 driver on a radosgw", () => {
  let service: S3Endpoint;
  let bucket: string;
  beforeAll(async () => {
    service = await startRadosgw();
    bucket = await service.makeBucket();
  });
  afterAll(async () => await service?.stop());

  const open = async (options: Readonly<Record<string, unknown>> = {}): Promise<StorageDriver> => {
    const { endpoint, region, accessKeyId, secretAccessKey } = service;
    const credentials = async () => ({ accessKeyId, secretAccessKey });
    return await s3.open(
      {
        authority: bucket,
        path: "base",
        endpoint,
        region,
        credentials,
        partBytes: PART,
        ...options,
      },
      testDriverContext(),
    );
  };

  register(test, conformanceCases({ open }));

  test("keeps a writer from a key that was taken while its parts were on their way", async () => {
    const driver = await open();
    const key = parseObjectKey("taken");
    const small = { kind: "bytes", bytes: pattern(10) } as const;
    const large = { kind: "bytes", bytes: pattern(2 * PART) } as const;
    const put = driver.put(key, large, {
      ifNoneMatch: "*",
      onMultipart: async () => void (await driver.put(key, small)),
    });
    await expect(put).rejects.toMatchObject({ code: "object_exists" });
    expect((await driver.head(key))?.sizeBytes).toBe(10);
    expect(await driver.leftovers?.remove({ key })).toBe(0);
  });

  test("has one winner among racing writers of bodies of one part", async () => {
    const driver = await open();
    const key = parseObjectKey("raced");
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, () =>
        driver.put(key, { kind: "bytes", bytes: pattern(10) }, { ifNoneMatch: "*" }),
      ),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  test("reports a range that what lies there by now does not have", async () => {
    const driver = await open();
    const key = parseObjectKey("shorter");
    for (const size of [10, 0]) {
      await driver.put(key, { kind: "bytes", bytes: pattern(size) });
      for (const range of [
        { start: 5, end: 20 },
        { start: 10, end: 20 },
      ]) {
        const got = driver.get(key, { range });
        await expect(got, `${size}`).rejects.toMatchObject({ code: "object_changed" });
      }
    }
  });

  test("removes what a process left that died in the midst of its parts", async () => {
    const driver = await open();
    const { leftovers, multipart } = driver;
    const keys = ["left/a", "left/ä +%<>\n\u{1f600}", "left/b"].map(parseObjectKey);
    const begin = async (): Promise<void> => {
      for (const key of keys) {
        const uploadId = await multipart?.create(key, {});
        const body = { kind: "bytes", bytes: pattern(1000) } as const;
        await multipart?.putPart(key, uploadId ?? "", 1, body);
      }
    };
    await begin();
    for (const key of keys) expect(await leftovers?.remove({ key })).toBe(1);
    await begin();
    expect(await leftovers?.remove({ before: Date.now() - 60_000 })).toBe(0);
    expect(await leftovers?.remove({ before: Date.now() + 60_000 })).toBe(3);
    expect((await multipart?.listUploads(""))?.uploads).toEqual([]);
  });

  test("goes through pages of parts and uploads", async () => {
    const { multipart } = await open();
    if (multipart === undefined) throw new Error("no multipart group");
    const key = parseObjectKey("paged");
    const ids = await Promise.all(Array.from({ length: 5 }, () => multipart.create(key, {})));
    const reported: string[] = [];
    let cursor: string | null = null;
    do {
      const from: { cursor?: string } = cursor === null ? {} : { cursor };
      const page: Awaited<ReturnType<typeof multipart.listUploads>> = await multipart.listUploads(
        "paged",
        { ...from, limit: 2 },
      );
      reported.push(...page.uploads.map(({ uploadId }) => uploadId));
      cursor = page.next;
    } while (cursor !== null);
    expect(reported.toSorted()).toEqual(ids.toSorted());
    for (const id of ids) await multipart.abort(key, id);
  });

  test("deletes with one request keys that XML has to escape", async () => {
    const driver = await open();
    const keys = ["<a>&\"'", "tab\t", "line\r\nfeed", "]]>", "\u0001", "ä\u{1f600}"].map((name) =>
      parseObjectKey(`odd/${name}`),
    );
    for (const key of keys) await driver.put(key, { kind: "bytes", bytes: pattern(1) });
    expect(await driver.delete(keys)).toEqual({ failures: [] });
    expect((await driver.list("odd/")).objects).toEqual([]);
  });
});
