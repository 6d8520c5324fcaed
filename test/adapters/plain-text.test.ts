import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isPlainText } from "../../src/adapters/plain-text.ts";
import { CHARSET_TEXTS, charsetFile } from "../fixtures/charset-texts.ts";

const FIXTURES = join(import.meta.dirname, "..", "fixtures");

describe("isPlainText()", () => {
  it.each(
    Object.keys(CHARSET_TEXTS).filter((charset) => !/^utf-16/.test(charset)),
  )("knows text in %s, wherever it ends", (charset) => {
    const bytes = readFileSync(join(FIXTURES, "charsets", charsetFile(charset)));
    for (let end = 40; end <= bytes.byteLength; end++) {
      expect(isPlainText(bytes.subarray(0, end)), `${end} bytes`).toBe(true);
    }
    const long = Buffer.concat(Array(400).fill(bytes)).subarray(0, 65_536);
    expect(isPlainText(long)).toBe(true);
  });

  it.each([
    ["UTF-16", "utf-16le.txt"],
    ["UTF-16, big end first", "utf-16be.txt"],
    ["a table in windows-1252", "members-windows-1252.csv"],
    ["a few words in windows-1252", "windows-1252.txt"],
    ["a page in windows-1250", "page.html"],
  ])("knows %s", (_, name) => {
    expect(isPlainText(readFileSync(join(FIXTURES, name)))).toBe(true);
  });

  it("knows UTF-32 by its mark, and no noise that begins with one", () => {
    expect(isPlainText(utf32("Zoë 🙂\n", true))).toBe(true);
    expect(isPlainText(utf32("Zoë 🙂\n", false))).toBe(true);
    expect(isPlainText(utf32("a\0b", true))).toBe(false);
    for (const mark of ["fffe0000", "0000feff", "fffe", "feff"]) {
      const noise = Buffer.from(`${mark}${"d8d8ff17".repeat(8)}`, "hex");
      expect(isPlainText(noise), mark).toBe(false);
    }
  });

  it("takes no noise for text, not even without control characters", () => {
    const random = prng(7);
    const noise = (bytes: number, first: number) =>
      Uint8Array.from({ length: bytes }, () => first + Math.floor(random() * (256 - first)));
    for (let i = 0; i < 20_000; i++) expect(isPlainText(noise(64, 0))).toBe(false);
    for (const first of [0x20, 0x80]) expect(isPlainText(noise(4096, first))).toBe(false);
  });
});

function utf32(text: string, little: boolean): Uint8Array {
  const points = Array.from(`\ufeff${text}`, (character) => character.codePointAt(0) ?? 0);
  const view = new DataView(new ArrayBuffer(points.length * 4));
  for (const [i, point] of points.entries()) view.setUint32(i * 4, point, little);
  return new Uint8Array(view.buffer);
}

/** @see https://en.wikipedia.org/wiki/Linear_congruential_generator */
function prng(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
