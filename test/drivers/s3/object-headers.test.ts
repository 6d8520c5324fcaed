import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { objectHeaders } from "../../../drivers/s3/object-headers.ts";
import { putObject } from "../../../drivers/s3/put.ts";
import { parseObjectKey } from "../../../src/driver.ts";
import { PART, strictServer } from "./strict-storage.ts";

const ODD = {
  a: "ä\u{1f600}",
  "b-c": "100 % = 100%25",
  d: " two  spaces ",
  e: "line\nfeed",
  f: "",
};
/** Every code point but surrogates. */
const ANY_CHARACTER = fc
  .integer({ min: 0, max: 0x10f7ff })
  .map((number) => String.fromCodePoint(number < 0xd800 ? number : number + 0x800));

describe("objectHeaders()", () => {
  test("keeps every Unicode value, in headers of printable ASCII", () => {
    fc.assert(
      fc.property(fc.string({ unit: ANY_CHARACTER, maxLength: 50 }), (value) => {
        const header = objectHeaders({ metadata: { a: value } })["x-amz-meta-a"] ?? "";
        return /^[\x21-\x7e]*$/.test(header) && decodeURIComponent(header) === value;
      }),
    );
  });

  test("leaves plain values readable", () => {
    expect(objectHeaders({ metadata: { a: "x-1_2.3/(4)" }, contentType: "text/plain" })) //
      .toEqual({ "x-amz-meta-a": "x-1_2.3/(4)", "content-type": "text/plain" });
  });

  test("takes 2 KiB as they are sent, and not a byte more", () => {
    expect(objectHeaders({ metadata: { a: "x".repeat(2047) } })).toBeDefined();
    for (const metadata of [
      { a: "x".repeat(2048) },
      { a: "ä".repeat(400) },
      { a: "x".repeat(1000), b: "x".repeat(1047) },
    ]) {
      expect(() => objectHeaders({ metadata })).toThrow(/bytes when encoded, S3 allows 2048/);
    }
  });

  test("refuses names and values that no header carries, without repeating them", () => {
    for (const given of [
      { metadata: { Upper: "x" } },
      { metadata: { "a b": "x" } },
      { metadata: { "": "x" } },
      { metadata: { a: "\ud800" } },
      { contentType: "text/plain\r\nx-amz-acl: public-read" },
      { contentType: "" },
    ]) {
      expect(() => objectHeaders(given)).toThrow(/^Cannot store metadata: [a-z ]/);
    }
  });
});

describe("put()", () => {
  const makeBucket = strictServer();
  const key = parseObjectKey("described");

  test("describes objects of one part and of many alike, with what every write carries", async () => {
    const writeHeaders = {
      "x-amz-server-side-encryption": "AES256",
      "x-amz-storage-class": "STANDARD_IA",
    };
    for (const size of [1, 3 * PART]) {
      const { store, server, bucket } = await makeBucket({ writeHeaders });
      const body = { kind: "bytes", bytes: new Uint8Array(size) } as const;
      await putObject(store, key, body, { contentType: "text/plain", metadata: ODD });
      const headers = server.objects(bucket)[0]?.headers ?? {};
      expect(headers).toMatchObject({ ...writeHeaders, "content-type": "text/plain" });
      for (const [name, value] of Object.entries(ODD)) {
        expect(decodeURIComponent(headers[`x-amz-meta-${name}`] ?? "missing")).toBe(value);
      }
    }
  });

  test("refuses metadata before it reads the body or sends anything", async () => {
    const { store, actions } = await makeBucket();
    const unread = {
      async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
        yield* [];
        throw new Error("The body was read");
      },
    };
    const metadata = { a: "x".repeat(3000) };
    const put = putObject(store, key, { kind: "once", stream: unread }, { metadata });
    await expect(put).rejects.toMatchObject({ code: "invalid_metadata" });
    expect(actions()).toEqual([]);
  });
});
