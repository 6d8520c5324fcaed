import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compoundTypeOf } from "../../src/adapters/compound-head.ts";
import { compoundFile } from "../fixtures/compound.ts";

const fixture = (name: string) => readFileSync(join(import.meta.dirname, "..", "fixtures", name));

describe("compoundTypeOf()", () => {
  it.each([
    ["circle.doc", fixture("circle.doc"), "application/msword"],
    ["shelf.xls", fixture("shelf.xls"), "application/vnd.ms-excel"],
    ["a workbook of 1995", compoundFile("Book"), "application/vnd.ms-excel"],
    ["slides", compoundFile("PowerPoint Document"), "application/vnd.ms-powerpoint"],
    ["a message", compoundFile("__properties_version1.0"), "application/vnd.ms-outlook"],
    ["what has a password", compoundFile("EncryptedPackage"), "application/x-cfb"],
    ["anything else", compoundFile("Catalog"), "application/x-cfb"],
  ])("detects what %s is by its streams", (_, bytes, type) => {
    expect(compoundTypeOf(bytes)).toBe(type);
  });

  it("knows no kind where the directory is not in the head, and ends", () => {
    const bytes = fixture("circle.doc");
    for (let end = 0; end < bytes.byteLength; end += 37) {
      expect(compoundTypeOf(bytes.subarray(0, end))).toMatch(/^application\/(x-cfb|msword)$/);
    }
    expect(compoundTypeOf(bytes.subarray(0, 4096))).toBe("application/x-cfb");
  });

  it("is not led in circles, nor by what an embedded object holds", () => {
    const bytes = compoundFile("Catalog");
    const entry = bytes.lastIndexOf(Buffer.from("Catalog\0", "utf16le"));
    // Its neighbours are itself.
    bytes.writeUInt32LE(1, entry + 68);
    bytes.writeUInt32LE(1, entry + 72);
    expect(compoundTypeOf(bytes)).toBe("application/x-cfb");
    const inner = compoundFile("WordDocument");
    const root = inner.lastIndexOf(Buffer.from("Root Entry\0", "utf16le"));
    inner.writeUInt32LE(0xffff_ffff, root + 76);
    expect(compoundTypeOf(inner)).toBe("application/x-cfb");
  });
});
