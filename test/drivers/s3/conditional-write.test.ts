import { describe, expect, test } from "vitest";
import { conformanceCases, register } from "../../../drivers/conformance/index.ts";
import { pattern } from "../../../drivers/conformance/sources.ts";
import { providerOf } from "../../../drivers/s3/config/providers.ts";
import { putObject } from "../../../drivers/s3/put.ts";
import type { S3Store } from "../../../drivers/s3/store.ts";
import { type Body, parseObjectKey } from "../../../src/driver.ts";
import { fault } from "../../s3/strict-server.ts";
import { MIB, PART, type StrictBucket, strictServer } from "./strict-storage.ts";

const KEY = parseObjectKey("tenant/upload/file.pdf");
const SHORT: Body = { kind: "bytes", bytes: pattern(10) };
const LONG: Body = { kind: "bytes", bytes: pattern(2 * PART) };
const FREE = { ifNoneMatch: "*" } as const;
const provider = providerOf("https://s3.us-west-004.backblazeb2.com");

const stored = ({ server, bucket }: StrictBucket) => server.objects(bucket)[0]?.body;

/** What a write on a condition has asked the server. */
async function asked(place: StrictBucket, body: Body, store: S3Store = place.store) {
  const before = place.actions().length;
  await putObject(store, KEY, body, FREE);
  return place.actions().slice(before);
}

describe("put() with ifNoneMatch on a service that refuses conditions of writes", () => {
  const makeBucket = strictServer({ refusesConditions: true });

  test("looks whether the key is free and writes without one, and asks no second time", async () => {
    const warnings: unknown[] = [];
    const bare = await makeBucket({ provider });
    const { logger } = bare.store.context;
    const warn = (event: string): void => void warnings.push(event);
    const context = { ...bare.store.context, logger: { ...logger, warn } };
    const place = { ...bare, store: { ...bare.store, context } };
    expect(await asked(place, SHORT)).toEqual([
      ...["HeadObject", "HeadBucket", "PutObject"],
      ...["HeadObject", "PutObject"],
    ]);
    expect(stored(place)).toEqual(Buffer.from(pattern(10)));
    await place.store.client.send({
      action: "DeleteObject",
      method: "DELETE",
      objectKey: `base/${KEY}`,
    });
    expect(await asked(place, SHORT)).toEqual(["HeadObject", "HeadObject", "PutObject"]);
    expect(warnings).toEqual(["s3.conditions_refused"]);
  });

  test("completes what came in parts without one", async () => {
    const place = await makeBucket({ provider });
    const actions = await asked(place, LONG);
    expect(actions.filter((action) => action === "CompleteMultipartUpload")).toHaveLength(2);
    expect(stored(place)).toEqual(Buffer.from(pattern(2 * PART)));
    expect(place.server.uploadsInProgress(place.bucket)).toEqual([]);
  });

  test("loses to who came between the first look and the refusal", async () => {
    for (const [action, body] of [
      ["PutObject", SHORT],
      ["CompleteMultipartUpload", LONG],
    ] as const) {
      const place = await makeBucket({ provider });
      const other: Body = { kind: "bytes", bytes: pattern(20, 2) };
      const { client } = place.store;
      const intruding: S3Store["client"]["send"] = async (request) => {
        const mine = request.action === action && request.headers?.["if-none-match"] === "*";
        if (mine) await putObject(place.store, KEY, other);
        return await client.send(request);
      };
      const sendForXml: S3Store["client"]["sendForXml"] = async (request) => {
        if (request.action === action) await putObject(place.store, KEY, other);
        return await client.sendForXml(request);
      };
      const store = { ...place.store, client: { ...client, send: intruding, sendForXml } };
      await expect(putObject(store, KEY, body, FREE)).rejects.toMatchObject({
        code: "object_exists",
      });
      expect(stored(place)).toEqual(Buffer.from(pattern(20, 2)));
    }
  });

  test("fails where the service promises to honour them", async () => {
    const place = await makeBucket({ provider: providerOf(null) });
    const put = putObject(place.store, KEY, SHORT, FREE);
    await expect(put).rejects.toMatchObject({ code: "unsupported_option" });
    expect(place.actions()).toEqual(["PutObject"]);
  });

  const open = async () => await (await makeBucket()).open({ partBytes: 5 * MIB });
  const cases = conformanceCases({ open }).filter(({ name }) => name.includes("ifNoneMatch"));
  register(test, cases);
});

describe("put() with ifNoneMatch on another service", () => {
  const makeBucket = strictServer();

  test("takes a 400 for a refusal only if the write succeeds without the header", async () => {
    const place = await makeBucket({ provider });
    const picky = place.server.faults.add({
      action: "PutObject",
      when: ({ headers }) => headers.has("if-none-match"),
      do: fault.answer(400, "InvalidArgument"),
    });
    await putObject(place.store, KEY, SHORT, FREE);
    expect(stored(place)).toEqual(Buffer.from(pattern(10)));
    picky.remove();

    const other = await makeBucket({ provider });
    const failing = other.server.faults.add({
      action: "PutObject",
      do: fault.answer(501, "NotImplemented"),
    });
    const put = putObject(other.store, KEY, SHORT, FREE);
    await expect(put).rejects.toMatchObject({ code: "unsupported_option" });
    failing.remove();
    // The storage class was refused, say; once that is recoveries, the condition is sent as before.
    expect(await asked(other, SHORT)).toEqual(["HeadObject", "PutObject"]);
  });
});
