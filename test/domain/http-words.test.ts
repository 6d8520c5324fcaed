import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatContentRange, readRangeHeader } from "../../src/domain/byte-range.ts";
import { formatReprDigest } from "../../src/domain/digest.ts";
import { formatEtag, ifMatchNames, ifNoneMatchNames } from "../../src/domain/etag.ts";
import { findMediaType, isSafeInline, matchesMediaType } from "../../src/domain/media-type.ts";
import { parseStorageUri } from "../../src/domain/storage-uri.ts";

describe("readRangeHeader() on 100 bytes", () => {
  test.each([
    ["bytes=0-0", [0, 1]],
    ["bytes=0-99", [0, 100]],
    ["bytes=90-", [90, 100]],
    ["bytes=90-1000", [90, 100]],
    ["bytes=-1", [99, 100]],
    ["bytes=-1000", [0, 100]],
    ["Bytes = 5-9", [5, 10]],
  ])("reads %j", (header, [start, end]) => {
    expect(readRangeHeader(header, 100)).toEqual({ kind: "part", range: { start, end } });
  });
  test.each([
    "bytes=100-",
    "bytes=-0",
    "bytes=100-200",
  ])("rejects %j as unsatisfiable", (header) => {
    expect(readRangeHeader(header, 100)).toEqual({ kind: "unsatisfiable" });
  });
  test.each([
    null,
    "",
    "bytes=",
    "bytes=-",
    "bytes=5-4",
    "bytes=0-1,3-4",
    "items=0-1",
    "bytes=a-b",
    "bytes=1",
  ])("selects the whole file for %j", (header) =>
    expect(readRangeHeader(header, 100)).toEqual({ kind: "whole" }));

  test("never selects bytes outside the file", () => {
    const header = fc.oneof(
      fc.string(),
      fc.tuple(fc.nat(), fc.nat()).map(([a, b]) => `bytes=${a}-${b}`),
      fc.nat().map((n) => `bytes=-${n}`),
      fc.nat().map((n) => `bytes=${n}-`),
    );
    fc.assert(
      fc.property(header, fc.nat(), (text, sizeBytes) => {
        const request = readRangeHeader(text, sizeBytes);
        if (request.kind !== "part") return true;
        const { start, end } = request.range;
        return start >= 0 && start < end && end <= sizeBytes;
      }),
    );
  });

  test("is formatted inclusively", () => {
    expect(formatContentRange({ start: 5, end: 10 }, 100)).toBe("bytes 5-9/100");
  });
});

test("etags compare weakly for If-None-Match, strongly for If-Match", () => {
  const etag = formatEtag("ab12");
  for (const header of ["*", '"ab12"', 'W/"ab12"', '"x", W/"ab12"', '"a,b","ab12"']) {
    expect(ifNoneMatchNames(header, etag)).toBe(true);
  }
  for (const header of ["", '"x"', "ab12", '"ab12x"'])
    expect(ifNoneMatchNames(header, etag)).toBe(false);
  expect(ifMatchNames('"ab12"', etag)).toBe(true);
  expect(ifMatchNames('W/"ab12"', etag)).toBe(false);
});

test("formatReprDigest() returns the example of RFC 9530 for an empty file", () => {
  const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  expect(formatReprDigest(empty)).toBe("sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:");
});

test("findMediaType() drops parameters and case, and matchesMediaType() matches families", () => {
  expect(findMediaType("Text/HTML; charset=utf-8")).toBe("text/html");
  expect(findMediaType("nonsense")).toBeNull();
  expect(findMediaType(undefined)).toBeNull();
  expect(matchesMediaType("image/png", ["image/*"])).toBe(true);
  expect(matchesMediaType("image/png", ["text/*", "image/gif"])).toBe(false);
  expect(isSafeInline("image/svg+xml")).toBe(false);
  expect(isSafeInline("text/html")).toBe(false);
});

describe("parseStorageUri()", () => {
  test("parses a folder as written", () => {
    expect(parseStorageUri("local:./storage/uploads")).toMatchObject({
      scheme: "local",
      authority: "",
      path: "./storage/uploads",
    });
    expect(parseStorageUri("local:/srv/../x")).toMatchObject({ path: "/srv/../x" });
  });
  test("parses bucket, prefix and options", () => {
    expect(parseStorageUri("s3://bucket/a/b%20c?region=eu-west-1&id=1")).toMatchObject({
      scheme: "s3",
      authority: "bucket",
      path: "a/b c",
      options: { region: "eu-west-1", id: "1" },
    });
  });
  test("masks everything that looks secret", () => {
    const { display } = parseStorageUri("redis://h/0?secretKey=hunter2&password=x&region=y");
    expect(display).toBe("redis://h/0?secretKey=***&password=***&region=y");
  });
  test.each([
    [
      "unstorage:redis?url=redis://:hunter2@h:6379/0&base=x",
      "unstorage:redis?url=redis://***@h:6379/0&base=x",
    ],
    ["unstorage:redis?url=redis%3A%2F%2Fu%3Ahun%2Fter2%40h", "unstorage:redis?url=redis://***@h"],
    [
      "unstorage:redis?url=redis://h?password%3Dhunter2%26db=1",
      "unstorage:redis?url=redis://h?password=***&db=1",
    ],
    [
      "unstorage:mongodb?connectionString=mongodb://u:hunter2@h",
      "unstorage:mongodb?connectionString=***",
    ],
    ["unstorage:redis://u:hunter2@h/0", "unstorage:redis://***@h/0"],
    ["sftp://u:hunter2@h/a", "sftp://***@h/a"],
    ["sftp://u@h/a", "sftp://u@h/a"],
    ["s3://bucket/a:b@c?endpoint=https://h:9000/x", "s3://bucket/a:b@c?endpoint=https://h:9000/x"],
  ])("displays %j as %j", (text, display) => expect(parseStorageUri(text).display).toBe(display));
  test.each(["", "uploads", "://x", "s3://b/%zz"])("refuses %j", (text) => {
    expect(() => parseStorageUri(text)).toThrowError(/^Cannot read storage URI/);
  });
});
