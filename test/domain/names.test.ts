import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isStowageError } from "../../src/domain/errors.ts";
import { MAX_FILENAME_BYTES, parseFilename, utf8Length } from "../../src/domain/filename.ts";
import { buildObjectKey, type ObjectRef, parseObjectKey } from "../../src/domain/object-key.ts";
import { percentEncode } from "../../src/domain/percent.ts";
import { findTenantId, type TenantId } from "../../src/domain/tenant.ts";
import { findUploadId, newUploadId } from "../../src/domain/upload-id.ts";

function codeOf(work: () => unknown): string {
  try {
    work();
    return "none";
  } catch (error) {
    return isStowageError(error) ? error.code : String(error);
  }
}

describe("parseFilename()", () => {
  test.each([
    ["cv.pdf", "cv.pdf"],
    ["C:\\cv\\resume.pdf", "resume.pdf"],
    ["/etc/passwd", "passwd"],
    ["../../x", "x"],
    ["a/b\\c", "c"],
    ["Lebenslauf Zoe\u0308.pdf", "Lebenslauf Zoë.pdf"],
    ["履歴書.pdf", "履歴書.pdf"],
    [".env", ".env"],
    ["...", "..."],
    ["%2e%2e", "%2e%2e"],
    ["CON", "CON"],
    ["a\u202Efdp.exe", "a\u202Efdp.exe"],
  ])("reduces %j to the last segment %j", (original, filename) => {
    expect(parseFilename(original)).toBe(filename);
  });

  test.each([
    "",
    ".",
    "..",
    "a/",
    "a\\",
    "a/..",
    "\0",
    "a\0.pdf",
    "a\r\nb",
    "a\u007f",
    "a\u0085",
    "\ud800x",
  ])("refuses %j", (original) =>
    expect(codeOf(() => parseFilename(original))).toBe("invalid_filename"));

  test("cuts between characters at 255 bytes and keeps the extension", () => {
    const cut = parseFilename(`${"😀".repeat(100)}.pdf`);
    expect(utf8Length(cut)).toBeLessThanOrEqual(MAX_FILENAME_BYTES);
    expect(utf8Length(cut)).toBeGreaterThan(MAX_FILENAME_BYTES - 4);
    expect(cut).toMatch(/^(😀)+\.pdf$/u);
    expect(parseFilename("a".repeat(255))).toHaveLength(255);
    expect(parseFilename("a".repeat(256))).toHaveLength(255);
  });

  test("returns one short segment, which stays the same when parsed again", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400 }), (original) => {
        let name: string;
        try {
          name = parseFilename(original);
        } catch (error) {
          return isStowageError(error, "invalid_filename");
        }
        expect(name).not.toMatch(/[/\\\p{Cc}]/u);
        expect(utf8Length(name)).toBeLessThanOrEqual(MAX_FILENAME_BYTES);
        expect(parseFilename(name)).toBe(name);
        return true;
      }),
      { numRuns: 1000 },
    );
  });
});

describe("buildObjectKey()", () => {
  const refs: fc.Arbitrary<ObjectRef> = fc.record({
    tenant: fc
      .stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/)
      .map((text) => text as TenantId),
    uploadId: fc
      .tuple(fc.nat(), fc.uint8Array({ minLength: 10, maxLength: 10 }))
      .map(([now, seed]) => newUploadId(now, (bytes) => Object.assign(bytes, seed))),
    filename: fc
      .string({ unit: "binary", minLength: 1, maxLength: 60 })
      .filter((text) => codeOf(() => parseFilename(text)) === "none")
      .map((text) => parseFilename(text)),
  });

  test("is injective, and stays in the tenant's folder as part of a URL", () => {
    fc.assert(
      fc.property(refs, refs, (a, b) => {
        const key = buildObjectKey(a);
        const same = JSON.stringify(a) === JSON.stringify(b);
        expect(key === buildObjectKey(b)).toBe(same);
        const path = key.split("/").map(percentEncode).join("/");
        expect(new URL(`https://s3.test/bucket/${path}`).pathname).toBe(`/bucket/${path}`);
        expect(key.startsWith(`${a.tenant}/${a.uploadId}/`)).toBe(true);
        return true;
      }),
    );
  });
});

describe("parseObjectKey()", () => {
  test.each([
    "",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "a/../b",
    "a/./b",
    "a\0b",
    "\udc00",
    "é".repeat(513),
  ])("refuses %j", (key) => expect(codeOf(() => parseObjectKey(key))).toBe("invalid_key"));

  test("accepts the keys of older applications", () => {
    for (const key of ["a", "tenant 1/456/été?.pdf", "..a/b..", "a/%2e%2e/b"]) {
      expect(parseObjectKey(key)).toBe(key);
    }
  });
});

describe("findTenantId()", () => {
  test.each(["a", "ACME-1", "a.b", "_x", "-", "a".repeat(64)])("accepts %j", (text) =>
    expect(findTenantId(text)).toBe(text));
  test.each([
    "",
    ".a",
    "..",
    "a/b",
    "ä",
    "a b",
    "a".repeat(65),
    "a\n",
    7,
    null,
  ])("refuses %j", (text) => expect(findTenantId(text)).toBeNull());
});

describe("newUploadId()", () => {
  test("makes UUIDv7s that sort by time", () => {
    const random = (bytes: Uint8Array) => crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);
    const ids = [0, 1, 2 ** 32 - 1, 2 ** 32, 1_795_478_400_000].map((now) =>
      newUploadId(now, random),
    );
    for (const id of ids) expect(findUploadId(id)).toBe(id);
    expect([...ids].sort()).toEqual(ids);
    expect(ids[4]).toMatch(/^01a20ada-2c00-7/);
  });

  test("findUploadId() accepts an id in capitals and no other kind of UUID", () => {
    const id = newUploadId(5, (bytes) => bytes.fill(255));
    expect(findUploadId(id.toUpperCase())).toBe(id);
    expect(findUploadId("f47ac10b-58cc-4372-a567-0e02b2c3d479")).toBeNull();
  });
});
