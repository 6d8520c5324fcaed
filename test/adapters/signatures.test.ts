import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { mayBe } from "../../src/adapters/signatures.ts";
import { sniffer } from "../../src/adapters/sniffer.ts";

const latin1 = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));
/** Of no charset: bytes that no UTF allows, and control characters. */
const NOISE = latin1("\x9f\x02\xd8\xff\x00\x17\x06\xdc\xfe\xc0\x01".repeat(30));

const DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const ODT = "application/vnd.oasis.opendocument.text";

describe("mayBe()", () => {
  it.each([
    ["application/pdf", "%PDF-1.7"],
    ["application/pdf", "Every file begins with %PDF-1.4"],
    ["application/pdf", `${"x".repeat(1019)}%PDF-`],
    ["image/png", "\x89PNG\r\n\x1a\n"],
    ["image/jpeg", "\xff\xd8\xff\xe0"],
    ["image/jpg", "\xff\xd8\xff\xe0"],
    ["image/gif", "GIF89a"],
    ["image/webp", "RIFF\0\0\0\0WEBPVP8 "],
    ["image/avif", "\0\0\0\x20ftypmif1"],
    ["image/tiff", "MM\0*"],
    ["application/zip", "PK\x05\x06"],
    ["application/gzip", "\x1f\x8b\x08"],
    ["application/epub+zip", "PK\x03\x04"],
    [ODT, "PK\x03\x04"],
    [DOCX, "PK\x03\x04"],
    // A document with a password.
    [DOCX, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"],
    ["application/rtf", "\r\n{\\rtf1"],
    ["audio/wav", "RF64\xff\xff\xff\xffWAVEds64"],
    ["audio/ogg", "OggS"],
    ["video/webm", "\x1a\x45\xdf\xa3"],
    ["video/mp4", "\0\0\0\x08skip"],
  ])("takes %s for possible where it begins with %j, not where it does not", (type, start) => {
    expect(mayBe(latin1(start), type)).toBe(true);
    for (const other of ["", "hello, world", "\x7fELF\x02\x01"]) {
      expect(mayBe(latin1(other), type), other).toBe(false);
    }
    expect(mayBe(NOISE, type)).toBe(false);
  });

  it("does not find a PDF further in than readers do", () => {
    expect(mayBe(latin1(`${"x".repeat(1020)}%PDF-`), "application/pdf")).toBe(false);
  });

  it.each([
    "application/msword",
    "audio/mpeg",
    "application/json",
    "application/octet-stream",
    "application/vnd.oasis.opendocument.text-flat-xml",
    "x/y",
  ])("knows nothing of %s", (type) => {
    expect(mayBe(NOISE, type)).toBe(true);
  });

  it.each(["text/plain", "text/csv", "text/x-own"])("takes noise for no %s", (type) => {
    expect(mayBe(NOISE, type)).toBe(false);
    expect(mayBe(latin1("a\xe9\0\0\0\0\0\0b"), type)).toBe(false);
  });

  it.each([
    "",
    "a",
    "a,b\r\n\x1a",
    "caf\xe9",
    "\x1b$B$3\x1b(B",
    "a\x07\x08b",
    "a\0b\0c\0",
  ])("takes %j for possible text", (text) => {
    expect(mayBe(latin1(text), "text/plain")).toBe(true);
  });

  it("takes texts in any charset for possible text, wherever the head ends", () => {
    const folder = new URL("../fixtures/charsets/", import.meta.url);
    const names = readdirSync(folder);
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) {
      const bytes = new Uint8Array(readFileSync(new URL(name, folder)));
      for (const length of [bytes.length, 101, 100, 99]) {
        expect(mayBe(bytes.subarray(0, length), "text/plain"), `${name} ${length}`).toBe(true);
      }
    }
  });

  it("takes every file for possible that sniffer.sniff() knows", async () => {
    const folder = new URL("../fixtures/", import.meta.url);
    for (const name of readdirSync(folder).filter((file) =>
      /\.(?:docx|odt|epub|pdf|rtf)$/.test(file),
    )) {
      const bytes = new Uint8Array(readFileSync(new URL(name, folder)));
      const type = await sniffer.sniff(bytes);
      expect(sniffer.mayBe(bytes, type ?? "text/plain"), name).toBe(true);
    }
  });
});
