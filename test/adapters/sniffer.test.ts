import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sniffer } from "../../src/adapters/sniffer.ts";
import { localEntries, type ZipPart } from "../fixtures/zip-writer.ts";

const sniff = (head: string | Uint8Array) =>
  sniffer.sniff(typeof head === "string" ? new TextEncoder().encode(head) : head);
const utf16 = (text: string, big = false) => {
  const bytes = Buffer.from(`\ufeff${text}`, "utf16le");
  return new Uint8Array(big ? bytes.swap16() : bytes);
};

const DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation";

const types = (main: string): ZipPart => ({
  name: "[Content_Types].xml",
  content: `<Types><Override PartName="/x" ContentType="${main}.main+xml"/></Types>`,
});
const rels: ZipPart = { name: "_rels/.rels", content: "<Relationships/>" };
const part = (name: string): ZipPart => ({ name, content: "<xml/>" });

describe("sniffer.sniff()", () => {
  it.each([
    [
      "image/png",
      "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000049444154",
    ],
    ["image/jpeg", "ffd8ffe000104a46494600010100000100010000"],
    ["image/gif", "47494638396101000100"],
    ["application/pdf", "255044462d312e370a"],
    ["application/gzip", "1f8b0800000000000003"],
  ])("knows %s", async (type, hex) => {
    expect(await sniff(new Uint8Array(Buffer.from(hex, "hex")))).toBe(type);
  });

  it.each([
    "",
    " ",
    "hello, world",
    "a,b\n1,2\n",
    "# Title\n<p>",
    "{}",
    "\ufeffname;age\n",
  ])("leaves the text %j to what was declared", async (text) => {
    expect(await sniff(text)).toBeNull();
    expect(await sniff(utf16(text))).toBeNull();
  });

  it("never throws, and answers with a bare media type", async () => {
    const magic = [
      "PK\u0003\u0004",
      "%PDF-",
      "<svg",
      "<?xml ",
      "\u001f\u008b",
      "GIF8",
      "RIFF",
      "BM",
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("", ...magic),
        fc.uint8Array({ maxLength: 200 }),
        async (start, rest) => {
          const head = new Uint8Array([...Buffer.from(start, "latin1"), ...rest]);
          expect((await sniff(head)) ?? "a/b").toMatch(/^[\w.+-]+\/[\w.+-]+$/);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("sniffer.sniff() on markup", () => {
  it.each([
    "<!DOCTYPE html><title>x",
    "<!doctype HTML>",
    " \r\n\t<HTML>",
    "\ufeff<html lang=de>",
    "<script>alert(1)</script>",
    "<body onload=x>",
    "<!-- hi --><img src=x onerror=alert(1)>",
    "<p>hi",
    "<a href=x>",
    "<!DOCTYPE html>\n%PDF-1.4\n",
  ])("takes %j for HTML", async (text) => {
    expect(await sniff(text)).toBe("text/html");
    expect(await sniff(utf16(text.replace("\ufeff", "")))).toBe("text/html");
    expect(await sniff(utf16(text.replace("\ufeff", ""), true))).toBe("text/html");
  });

  it.each([
    "<svg xmlns='http://www.w3.org/2000/svg'>",
    "<?xml version='1.0'?>\n<!-- made by > hand -->\n<svg>",
    "<!-- a drawing --><svg/>",
    "<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'x'><svg>",
    "<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY a '>'>]><svg>",
    "<svg:svg xmlns:svg='http://www.w3.org/2000/svg'>",
    `<?xml version='1.0'?><!--${"x".repeat(30_000)}--><svg>`,
  ])("takes %.60j for SVG", async (text) => {
    expect(await sniff(text)).toBe("image/svg+xml");
  });

  it("distinguishes XHTML from other XML", async () => {
    expect(await sniff("<?xml version='1.0'?><!DOCTYPE html><html xmlns='x'>")).toBe(
      "application/xhtml+xml",
    );
    expect(await sniff("<?xml version='1.0'?><rss>")).toBe("application/xml");
  });

  it.each([
    "<3 you",
    "<abc>",
    "<pre-release>",
    "<",
    "<!",
    "<?",
    "<!--",
    "1 < 2",
  ])("takes %j for no page, or at most for HTML", async (text) => {
    expect([null, "text/html"]).toContain(await sniff(text));
  });
});

describe("sniffer.sniff() on PDF", () => {
  it.each([
    ["a line", "junk before\r\n%PDF-1.7\n"],
    ["a byte order mark", "\ufeff%PDF-1.4\n"],
    ["binary", Buffer.concat([Buffer.alloc(900, 0), Buffer.from("%PDF-1.4")])],
  ])("finds it behind %s", async (_, head) => {
    expect(await sniff(typeof head === "string" ? head : new Uint8Array(head))).toBe(
      "application/pdf",
    );
  });

  it("does not take a text for one that speaks of PDF, or names it late", async () => {
    expect(await sniff("Every file begins with %PDF-1.4 or so")).toBeNull();
    expect(await sniff(`${"x".repeat(1020)}\n%PDF-1.4`)).toBeNull();
  });
});

describe("sniffer.sniff() on text with a format", () => {
  const FOLDED =
    "Received: from a by b\r\n\twith ESMTP;\r\n Mon, 23 Nov 2026\r\nFrom: a@b.c\r\nSubject: x\r\n\r\nHi";
  it.each([
    ["application/rtf", "{\\rtf1\\ansi a}"],
    ["message/rfc822", FOLDED],
    ["message/rfc822", "From: a@b.c\nTo: d@e.f\nSubject: x\n\n<html>"],
    ["message/rfc822", "Return-Path: <a@b.c>\nX-Mailer: y\nfrom: a@b.c\n\n"],
    [
      "message/rfc822",
      `Received: ${"by x ".repeat(1_000)}\nFrom: a\nDate: now\nTo: ${"x,".repeat(9_000)}`,
    ],
    ["application/pdf", "HTTP/1.1 200 OK\r\nFrom: a\r\nDate: b\r\nTo: c\r\n\r\n%PDF-1.4"],
  ])("knows %s", async (type, text) => {
    expect(await sniff(text)).toBe(type);
  });

  it.each([
    "From: here\nto: there\n\nA poem",
    "Subject: x\nDate: y\nTo: z\n\nno sender",
    "Dear all,\nFrom: a@b.c\nTo: d@e.f\nSubject: x\n\n",
    "From: a\n\nTo: b\nSubject: c\n",
    "from:a,to:b,subject:c\n",
    "key: value\nfrom: 3\nlist:\n  - date: 4\n",
    '{"a": "<!doctype html>"}',
    "name,html\n1,<b>\n",
    "# Notes\n\n<script>alert(1)</script>\n",
    "\\rtf1 without braces",
    "---\ntitle: x\n---\n",
  ])("leaves the text %j to what was declared", async (text) => {
    expect(await sniff(text)).toBeNull();
    expect(sniffer.isText(new TextEncoder().encode(text))).toBe(true);
  });
});

describe("sniffer.sniff() on office documents", () => {
  it.each([
    [DOCX, "word/document.xml"],
    [XLSX, "xl/workbook.xml"],
    [PPTX, "ppt/presentation.xml"],
  ])("knows %s however its entries are ordered and written", async (type, main) => {
    const parts = [types(type), rels, part(main)];
    for (const entries of [parts, parts.toReversed(), [rels, part(main), types(type)]]) {
      expect(await sniff(localEntries(...entries))).toBe(type);
      const streamed = entries.map((entry) => ({ ...entry, streamed: true }));
      expect(await sniff(localEntries(...streamed))).toBe(type);
    }
  });

  it("knows a document that is longer than the head, wherever the head ends", async () => {
    const image = { name: "word/media/a.png", content: randomBytes(100_000), stored: true };
    const file = localEntries(rels, part("word/document.xml"), image, types(DOCX));
    expect(await sniff(file)).toBe(DOCX);
    const short = localEntries(rels, part("word/document.xml"), types(DOCX));
    const third = localEntries(rels, part("word/document.xml")).length;
    for (let end = third; end <= short.length; end++) {
      expect(await sniff(short.subarray(0, end)), `${end} bytes`).toBe(DOCX);
    }
  });

  it("leaves a package whose kind comes later to what was declared", async () => {
    const picture = { name: "docProps/thumb.jpeg", content: randomBytes(70_000), stored: true };
    expect(await sniff(localEntries(rels, picture, part("word/document.xml")))).toBeNull();
  });

  it.each([
    "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/epub+zip",
  ])("knows %s by its first entry", async (type) => {
    const file = localEntries(
      { name: "mimetype", content: type, stored: true },
      part("content.xml"),
    );
    expect(await sniff(file)).toBe(type);
  });

  it.each([
    ["application/vnd.oasis.opendocument.text", "content.xml"],
    ["application/vnd.oasis.opendocument.spreadsheet", "META-INF/manifest.xml"],
    ["application/epub+zip", "META-INF/container.xml"],
  ])("knows %s that was packed anew, its first entry elsewhere", async (type, first) => {
    const named = { name: "mimetype", content: type, stored: true };
    expect(await sniff(localEntries(part(first), named))).toBe(type);
  });

  it("knows a book without its first entry, and leaves the kind of an open document open", async () => {
    expect(await sniff(localEntries(part("META-INF/container.xml"), part("a.opf")))).toBe(
      "application/epub+zip",
    );
    expect(
      await sniff(localEntries(part("META-INF/manifest.xml"), part("content.xml"))),
    ).toBeNull();
  });

  it.each([
    "text/html",
    "image/svg+xml",
    "application/pdf",
    "x",
    "application/epub+zip\n<script>",
  ])("does not believe a zip file that it is %j", async (type) => {
    const named = { name: "mimetype", content: type, stored: true };
    expect(await sniff(localEntries(part("a.txt"), named))).toBe("application/zip");
  });

  it("takes a zip file for one, even with documents in it", async () => {
    const inner = localEntries(types(DOCX), rels, part("word/document.xml"));
    const stored = { name: "letter.docx", content: inner, stored: true };
    expect(await sniff(localEntries(stored))).toBe("application/zip");
    expect(await sniff(localEntries({ ...stored, streamed: true }))).toBe("application/zip");
    expect(await sniff(localEntries(part("a.txt"), part("word/document.xml")))).not.toBe(XLSX);
  });

  it("says of a container of older documents that it is one", async () => {
    const cfb = new Uint8Array(600);
    cfb.set([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]);
    expect(await sniff(cfb)).toBe("application/x-cfb");
  });
});

describe("sniffer.isText()", () => {
  const isText = (bytes: string | Uint8Array) =>
    sniffer.isText(typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);

  it("knows UTF-8 text, with line ends, tabs and colours, with a BOM or without", () => {
    for (const text of ["a", "Zoë\t履歴書\r\n", "\u001b[31mred\u001b[0m", "\ufeffx", "a,b\f"]) {
      expect(isText(text), text).toBe(true);
    }
  });

  it("does not take a character that the head cuts in two for a mistake", () => {
    expect(isText(new TextEncoder().encode("a😀").subarray(0, 3))).toBe(true);
    expect(isText(new TextEncoder().encode("é".repeat(sniffer.headBytes)))).toBe(true);
  });

  it("finds no text in nothing, in other bytes, or where control characters are", () => {
    for (const bytes of ["", "a\0b", "a\u0007", new Uint8Array([0xff, 0x41]), randomBytes(256)]) {
      expect(isText(bytes)).toBe(false);
    }
  });
});
