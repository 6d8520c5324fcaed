import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeText, type FindDeclared } from "../../../processors/formats/charset.ts";
import { CHARSET_TEXTS, charsetFile } from "../../fixtures/charset-texts.ts";

const FOLDER = join(import.meta.dirname, "..", "..", "fixtures", "charsets");
const TEXTS = Object.entries(CHARSET_TEXTS);

async function* cut(bytes: Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array> {
  // One array for all chunks, as a socket's reader may have.
  const chunk = new Uint8Array(chunkBytes);
  for (let at = 0; at < bytes.byteLength; at += chunkBytes) {
    const part = bytes.subarray(at, at + chunkBytes);
    chunk.set(part);
    yield chunk.subarray(0, part.byteLength);
  }
}

async function decode(
  bytes: Uint8Array | readonly number[],
  { chunkBytes = 5, declared = (() => null) as FindDeclared } = {},
): Promise<string> {
  const pieces: string[] = [];
  for await (const piece of decodeText(cut(Uint8Array.from(bytes), chunkBytes), declared)) {
    pieces.push(piece);
  }
  return pieces.join("");
}

const says = (label: string) => ({ declared: () => label });
const latin1 = (text: string) => Buffer.from(text, "latin1");

describe("decodeText()", () => {
  it.each(TEXTS)("finds out that a text is in %s", async (encoding, text) => {
    expect(await decode(readFileSync(join(FOLDER, charsetFile(encoding))))).toBe(text);
  });

  it.each(
    TEXTS,
  )("decodes %s in chunks that cut characters, long after the beginning", async (encoding, text) => {
    const bytes = readFileSync(join(FOLDER, charsetFile(encoding)));
    const times = Math.ceil(100_000 / bytes.byteLength);
    const long = Buffer.concat(Array<Buffer>(times).fill(bytes));
    for (const chunkBytes of [4093, 70_001]) {
      expect(await decode(long, { chunkBytes })).toBe(text.repeat(times));
    }
  });

  it.each(
    TEXTS.filter(([encoding]) => !encoding.startsWith("utf-")),
  )("finds out that a text is in %s though the first of it is ASCII", async (encoding, text) => {
    const bytes = readFileSync(join(FOLDER, charsetFile(encoding)));
    const start = "Nothing to be seen here.\n".repeat(8_000);
    const whole = Buffer.concat([latin1(start), bytes]);
    expect(await decode(whole, { chunkBytes: 65_536 })).toBe(start + text);
  });

  it.each([
    ["utf-8", [0xef, 0xbb, 0xbf, 0x7a, 0xc5, 0x82]],
    ["utf-16le", [0xff, 0xfe, 0x7a, 0, 0x42, 1]],
    ["utf-16be", [0xfe, 0xff, 0, 0x7a, 1, 0x42]],
  ])("believes the byte order mark of %s more than a declaration", async (_, bytes) => {
    expect(await decode(bytes, says("koi8-r"))).toBe("zł");
  });

  it.each([
    ["koi8-r", "Кот"],
    ["ISO-8859-5", "ыЯд"],
    ["latin1", "ëÏÔ"],
    ["x-mac-cyrillic", "лѕ‘"],
    ["replacement", "ëÏÔ"],
    ["klingon", "ëÏÔ"],
  ])("takes what is declared (%s), if there is such a thing", async (label, text) => {
    expect(await decode([0xeb, 0xcf, 0xd4], says(label))).toBe(text);
  });

  it("looks for itself where UTF-8 is declared and is not there", async () => {
    expect(await decode(latin1("caf\xe9"), says("utf-8"))).toBe("café");
    expect(await decode(Buffer.from("café"), says("utf-8"))).toBe("café");
  });

  it("passes the head of a document to the search for a declaration", async () => {
    const heads: string[] = [];
    const declared: FindDeclared = (head) => {
      heads.push(head);
      return null;
    };
    await decode(latin1(`<?xml?>\xff${"x".repeat(10_000)}`), { declared });
    expect(heads).toEqual([`<?xml?>ÿ${"x".repeat(4088)}`]);
  });

  it("takes a few letters that may be anything for windows-1252", async () => {
    expect(await decode(latin1("Gr\xfc\xdfe f\xfcr 5 \x80"))).toBe("Grüße für 5 €");
    expect(await decode(latin1("na\xefve"))).toBe("naïve");
  });

  it("keeps to UTF-8 where a byte is broken long after it showed itself", async () => {
    const bytes = Buffer.concat([Buffer.from("é".repeat(40_000)), latin1("a\xe9b")]);
    expect(await decode(bytes, { chunkBytes: 4096 })).toBe(`${"é".repeat(40_000)}a\ufffdb`);
  });

  it.each([
    ["UTF-32, little end first", [0xff, 0xfe, 0, 0, 0x61, 0, 0, 0], "UTF-32"],
    ["UTF-32, big end first", [0, 0, 0xfe, 0xff, 0, 0, 0, 0x61], "UTF-32"],
    ["an image", [0xff, 0xd8, 0xff, 0xe0, 0, 0x10, 0x4a, 0x46], "binary"],
  ])("refuses %s", async (_, bytes, reason) => {
    const error = await decode(bytes).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: reason === "binary" ? "document_wrong_type" : "document_unreadable",
    });
    expect((error as Error).message).toContain(reason);
  });

  it("keeps NUL in ASCII", async () => {
    for (const text of ["a\0b", "hello\0world\n", "one\0two\0three\0", "héllo\0wörld\n"]) {
      expect(await decode(Buffer.from(text))).toBe(text);
    }
    expect(await decode([])).toBe("");
  });

  it("reads any UTF-8 as it is, however it is cut", async () => {
    const text = fc.string({ unit: "grapheme" }).filter((s) => !s.startsWith("\ufeff"));
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 9 }), async (text, chunkBytes) => {
        expect(await decode(Buffer.from(text), { chunkBytes })).toBe(text);
      }),
    );
  });

  it("takes any bytes for text or refuses them", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        const found = await decode(bytes).catch((error: { code: string }) => error.code);
        expect(found.isWellFormed()).toBe(true);
      }),
    );
  });
});
