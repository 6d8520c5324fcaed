import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import text from "../../processors/text.ts";
import { SILENT } from "../../src/domain/ports/logger.ts";
import { matchesMediaType, type ProcessorOutput } from "../../src/processor.ts";
import { docx, p } from "../fixtures/docx.ts";
import { MINUTES_TEXT } from "../fixtures/minutes.ts";
import { pdf } from "../fixtures/pdf.ts";

const PDF = "application/pdf";
const DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const TXT = "text/plain";
const FIXTURES = join(import.meta.dirname, "..", "fixtures");
const fixture = (name: string) => readFileSync(join(FIXTURES, name));

function read(
  contentType: string,
  bytes: Uint8Array,
  { maxTextBytes = 1 << 20, signal = new AbortController().signal } = {},
): Promise<ProcessorOutput> {
  const input = {
    contentType,
    extension: "",
    sizeBytes: bytes.byteLength,
    async *stream() {
      // Cut in the middle of characters.
      for (let at = 0; at < bytes.byteLength; at += 7) yield bytes.subarray(at, at + 7);
    },
    bytes: async () => new Uint8Array(bytes),
    text: () => Promise.reject(new Error("no reader of text asks for text")),
  };
  return text.process(input, { signal, maxTextBytes, logger: SILENT });
}

const REPORT = `Harbour survey

Depths were taken at low water, from the mole to the second buoy. All of them are given in
metres.

Where the lead found mud, the depth is that of its surface.

Second day

Gusts from the north-west kept the boat in. Łódź & Ålesund sent their charts; “Kap” reads
κάπα.

Third day
The survey ends here.`;

const GREETING = "Grüße aus Łódź\n\nΚαλημέρα, 世界 🙂";

describe("text", () => {
  it.each([
    ["a PDF of three pages", PDF, "report.pdf", REPORT, { pages: 3, characters: 317, words: 59 }],
    ["a PDF that only its owner may print", PDF, "restricted.pdf", REPORT, { pages: 3 }],
    ["a Word document", DOCX, "minutes.docx", MINUTES_TEXT, { characters: 314, words: 61 }],
    ["UTF-8", TXT, "utf-8.txt", GREETING, { characters: 30, words: 7 }],
    ["UTF-8 with a mark", TXT, "utf-8-bom.txt", GREETING, { characters: 30, words: 7 }],
    ["UTF-16, little end first", TXT, "utf-16le.txt", GREETING, { characters: 30, words: 7 }],
    ["UTF-16, big end first", TXT, "utf-16be.txt", GREETING, { characters: 30, words: 7 }],
    ["windows-1252", TXT, "windows-1252.txt", "Grüße für 5 €\n\n“Kafé”", { words: 5 }],
  ])("reads %s", async (_, contentType, name, expected, facts) => {
    const found = await read(contentType, fixture(name));
    expect(found.text).toBe(expected);
    expect(found.output).toMatchObject({ ...facts, truncated: false });
  });

  it.each([
    "text/markdown",
    "text/csv",
    "text/tab-separated-values",
    "application/json",
    "application/xml",
    "text/x-python",
  ])("reads %s as it stands", async (contentType) => {
    expect(matchesMediaType(contentType, text.accepts)).toBe(true);
    const source = "# a\n<b>,\t{ };";
    expect((await read(contentType, Buffer.from(`${source}\n`))).text).toBe(source);
  });

  it.each([
    ["text/html", "<p>a<br/>b</p>", "a\nb"],
    ["application/xhtml+xml", "<p>a<br/>b</p>", "a\nb"],
  ])("reads %s without its markup", async (contentType, source, expected) => {
    expect(matchesMediaType(contentType, text.accepts)).toBe(true);
    expect((await read(contentType, Buffer.from(source))).text).toBe(expected);
  });

  it.each([
    ["a PDF with a password", PDF, fixture("encrypted.pdf"), "document_encrypted", "a password"],
    [
      "a Word document with a password",
      DOCX,
      ole("EncryptedPackage"),
      "document_encrypted",
      "a pass",
    ],
    ["a Word document in an encrypted ZIP", DOCX, lockedZip(), "document_encrypted", "a password"],
    ["a PDF that was cut off", PDF, fixture("truncated.pdf"), "document_truncated", "truncated"],
    [
      "a Word document that was cut off",
      DOCX,
      docx(p("x")).subarray(0, 900),
      "document_truncated",
      "truncated",
    ],
    [
      "a text that says it is a PDF",
      PDF,
      fixture("no-pdf.pdf"),
      "document_wrong_type",
      "not a PDF",
    ],
    [
      "a PDF that says it is a Word document",
      DOCX,
      fixture("report.pdf"),
      "document_wrong_type",
      "not a DOCX",
    ],
    [
      "a Word document that says it is a PDF",
      PDF,
      fixture("minutes.docx"),
      "document_wrong_type",
      "not a PDF",
    ],
    ["a Word document of 2003", DOCX, ole("WordDocument"), "document_unreadable", "older"],
    [
      "bytes that say they are text",
      TXT,
      Buffer.from([0, 1, 2, 0xff, 0xfe]),
      "document_wrong_type",
      "binary",
    ],
    ["no bytes at all", PDF, fixture("empty.txt"), "document_empty", "is empty"],
    ["white space", TXT, Buffer.from(" \r\n\t\u00a0"), "document_empty", "white space"],
    ["a blank Word document", DOCX, fixture("blank.docx"), "document_empty", "contains none"],
    ["a PDF of images", PDF, fixture("images-only.pdf"), "document_has_no_text", "run OCR first"],
    ["a PDF without pages", PDF, pdf([]), "document_has_no_pages", "no pages"],
  ])("gives a reason for %s", async (_, contentType, bytes, code, reason) => {
    const error = await read(contentType, bytes).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, retryable: false });
    expect((error as Error).message).toContain(reason);
  });

  it.each([
    [11, "aé€🙂z", false],
    [10, "aé€🙂", true],
    [9, "aé€", true],
    [6, "aé€", true],
    [5, "aé", true],
    [1, "a", true],
  ])("cuts text at %i bytes between characters", async (maxTextBytes, kept, truncated) => {
    const found = await read(TXT, Buffer.from("aé€🙂z"), { maxTextBytes });
    expect(found).toMatchObject({ text: kept, output: { truncated } });
  });

  it("cuts the text of every format", async () => {
    const half = { maxTextBytes: 100 };
    const cutPdf = await read(PDF, fixture("report.pdf"), half);
    const cutDocx = await read(DOCX, fixture("minutes.docx"), half);
    expect(cutPdf).toMatchObject({
      text: REPORT.slice(0, 100).trim(),
      output: { pages: 3, truncated: true },
    });
    expect(MINUTES_TEXT.startsWith(cutDocx.text ?? "?")).toBe(true);
    expect(cutDocx.output["truncated"]).toBe(true);
  });

  it.each([
    ["PDF", PDF, pdf(["BT /F 9 Tf 9 9 Td (eight ch) Tj ET", "BT /F 9 Tf 9 9 Td (more) Tj ET"])],
    ["Word", DOCX, docx(p("eight ch") + p("more"))],
    ["plain", TXT, Buffer.from("eight ch\n\nmore")],
  ])("says that text is missing where the limit falls between paragraphs (%s)", async (_, type, bytes) => {
    const found = await read(type, bytes, { maxTextBytes: 8 });
    expect(found).toMatchObject({ text: "eight ch", output: { truncated: true } });
  });

  it.each([
    ["PDF", PDF, pdf(["BT /F 9 Tf 9 9 Td (eight ch) Tj ET", ""])],
    ["Word", DOCX, docx(p("eight ch") + p(" "))],
    ["plain", TXT, Buffer.from("eight ch\n\n")],
  ])("says that nothing is missing where text just fits (%s)", async (_, type, bytes) => {
    const found = await read(type, bytes, { maxTextBytes: 8 });
    expect(found).toMatchObject({ text: "eight ch", output: { truncated: false } });
  });

  it("reads no more of a text than the limit can need", async () => {
    let sent = 0;
    const input = {
      contentType: TXT,
      extension: ".txt",
      sizeBytes: 1e12,
      async *stream() {
        for (; ; sent += 1000) yield new Uint8Array(1000).fill(0x61);
      },
      bytes: () => Promise.reject(new Error("never all of it")),
      text: () => Promise.reject(new Error("no reader of text asks for text")),
    };
    const context = { signal: new AbortController().signal, maxTextBytes: 100_000, logger: SILENT };
    const found = await text.process(input, context);
    expect(found).toMatchObject({ text: "a".repeat(100_000), output: { truncated: true } });
    expect(sent).toBeLessThan(200_000);
  });

  it("makes text with NUL, lone surrogates and foreign line ends well-formed", async () => {
    const utf16 = Buffer.from("\uFEFFa\0b\ud800c\r\nd\re", "utf16le");
    expect((await read(TXT, utf16)).text).toBe("a\uFFFDb\uFFFDc\nd\ne");
    expect((await read(TXT, Buffer.from("a\0b"))).text).toBe("a\uFFFDb");
  });

  it.each([
    ["PDF", PDF, pdf(["BT /F 9 Tf 9 9 Td (x) Tj ET"])],
    ["Word", DOCX, docx(p("x"))],
    ["plain", TXT, Buffer.from("x")],
  ])("stops when it is aborted (%s)", async (_, contentType, bytes) => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(read(contentType, bytes, { signal })).rejects.toThrow("enough");
  });

  it("never looks at what a Word document refers to", async () => {
    const blip =
      '<w:p><w:r><w:drawing><a:blip xmlns:a="urn:a" r:link="rId9" xmlns:r="urn:r"/></w:drawing></w:r></w:p>';
    const entity = "<w:p><w:r><w:t>&canary;</w:t></w:r></w:p>";
    expect((await read(DOCX, docx(p("safe") + blip))).text).toBe("safe");
    const found = await read(DOCX, docx(p("safe") + entity)).catch((error) => error);
    expect(JSON.stringify(found.text ?? found.message)).not.toContain("canary file");
  });
});

/** The beginning of an OLE container with a stream of this name. */
function ole(stream: string): Buffer {
  const magic = Buffer.from("d0cf11e0a1b11ae1", "hex");
  return Buffer.concat([
    magic,
    Buffer.alloc(504),
    Buffer.from(stream, "utf16le"),
    Buffer.alloc(64),
  ]);
}

/** A ZIP whose entries have the flag of encryption set (APPNOTE 4.4.4, bit 0). */
function lockedZip(): Buffer {
  const bytes = docx(p("x"));
  for (let at = bytes.indexOf("PK\x01\x02"); at !== -1; at = bytes.indexOf("PK\x01\x02", at + 4)) {
    bytes.writeUInt16LE(bytes.readUInt16LE(at + 8) | 1, at + 8);
  }
  for (let at = bytes.indexOf("PK\x03\x04"); at !== -1; at = bytes.indexOf("PK\x03\x04", at + 4)) {
    bytes.writeUInt16LE(bytes.readUInt16LE(at + 6) | 1, at + 6);
  }
  return bytes;
}
