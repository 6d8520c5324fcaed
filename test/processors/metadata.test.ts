import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import metadata from "../../processors/metadata.ts";
import { pdfAbout } from "../fixtures/pdf.ts";
import { zip } from "../fixtures/zip-writer.ts";
import { epub, office, openDocument, word } from "./metadata/office-files.ts";
import { metadataOf } from "./metadata/run.ts";

const OOXML = "application/vnd.openxmlformats-officedocument";
const ODF = "application/vnd.oasis.opendocument";
const PDF = "application/pdf";
const DOCX = `${OOXML}.wordprocessingml.document`;
const XLSX = `${OOXML}.spreadsheetml.sheet`;
const PPTX = `${OOXML}.presentationml.presentation`;
const EPUB = "application/epub+zip";
const MAIL = "message/rfc822";
const FIXTURES = join(import.meta.dirname, "..", "fixtures");
const fixture = (name: string) => readFileSync(join(FIXTURES, name));

/** 219 letters of English. */
const ENGLISH =
  "The committee met on Friday to look at the plans for the old harbour. Nobody wanted to pull down the " +
  "crane, which everyone remembers from childhood, but the cost of keeping it upright has grown every year. " +
  "A decision was put off until spring, when the engineers will have finished their report.";

const CORE =
  "<dc:title> Harbour\n survey </dc:title><dc:creator>Zoë A\u030angström</dc:creator><dc:language>en-gb</dc:language>" +
  "<t:created>2026-03-01T08:30:00+01:00</t:created><t:modified>2026-03-02T09:00:00Z</t:modified>";
const EXTENDED =
  "<Pages>3</Pages><Words>9999</Words><Application>Microsoft Office Word</Application><AppVersion>16.0000</AppVersion>";
const SAID = {
  title: "Harbour survey",
  author: "Zoë Ångström",
  created_at: "2026-03-01T07:30:00.000Z",
  modified_at: "2026-03-02T09:00:00.000Z",
  language: "en-GB",
  producer: "Microsoft Office Word 16.0000",
};

const SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const SLIDES = "http://schemas.openxmlformats.org/presentationml/2006/main";

describe("metadata of documents", () => {
  it("counts the words and pages of a PDF that says little of itself", async () => {
    expect(await metadataOf(PDF, fixture("report.pdf"))).toEqual({
      pages: 3,
      words: 59,
      characters: 317,
      language: "en-US",
      producer: "LibreOffice 7.4",
      created_at: expect.stringMatching(/^2026-11-24T\d\d:\d\d:\d\d\.000Z$/),
    });
  });

  it("reads the information dictionary of a PDF", async () => {
    const info =
      "/Title (\\376\\377\\000K\\000\\370) /Author (Ada) /Subject (On depths) /Producer (qpdf) " +
      "/CreationDate (D:20240229120000+05'30') /ModDate (D:2024)";
    const found = await metadataOf(PDF, pdfAbout("one two", info, "", "/Lang (nb)"));
    expect(found).toEqual({
      pages: 1,
      words: 2,
      characters: 7,
      title: "Kø",
      author: "Ada",
      description: "On depths",
      producer: "qpdf",
      created_at: "2024-02-29T06:30:00.000Z",
      language: "nb",
    });
  });

  it("believes the XMP metadata of a PDF over its information dictionary", async () => {
    const xmp = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"><dc:title><rdf:Alt><rdf:li xml:lang="x-default">Depths</rdf:li></rdf:Alt></dc:title><dc:creator><rdf:Seq><rdf:li>Ada</rdf:li><rdf:li>Grace</rdf:li></rdf:Seq></dc:creator><xmp:CreateDate>2025-01-02T03:04:05+02:00</xmp:CreateDate><xmp:ModifyDate>2025-02-03</xmp:ModifyDate><pdf:Producer>XMP maker</pdf:Producer></rdf:Description></rdf:RDF></x:xmpmeta>`;
    const info = "/Title (Old) /Author (Nobody) /Producer (Old) /ModDate (D:20200101000000Z)";
    expect(await metadataOf(PDF, pdfAbout("x", info, xmp))).toEqual({
      pages: 1,
      words: 1,
      characters: 1,
      title: "Depths",
      author: "Ada; Grace",
      producer: "XMP maker",
      created_at: "2025-01-02T01:04:05.000Z",
      modified_at: "2025-02-03T00:00:00.000Z",
    });
  });

  it("describes a PDF of images, which has no words", async () => {
    const found = await metadataOf(PDF, fixture("images-only.pdf"));
    expect(found).toEqual({ pages: 2, words: 0, characters: 0 });
  });

  it("reads the properties of a Word document, and counts its words itself", async () => {
    const found = await metadataOf(DOCX, word("one two three", CORE, EXTENDED));
    expect(found).toEqual({ ...SAID, pages: 3, words: 3, characters: 13 });
  });

  it("detects the language of a document that declares none", async () => {
    expect(await metadataOf(DOCX, word(ENGLISH, "", ""))).toEqual({
      words: 52,
      characters: ENGLISH.length,
      language: "en",
    });
    expect(await metadataOf(DOCX, fixture("minutes.docx"))).toMatchObject({ words: 61 });
  });

  it("counts the sheets and slides that a document lists", async () => {
    const book = `<workbook xmlns="${SPREADSHEET}"><sheets><sheet name="A"/><sheet name="B"/></sheets></workbook>`;
    expect(await metadataOf(XLSX, office("xl/workbook.xml", book, CORE, ""))).toMatchObject({
      sheets: 2,
      title: SAID.title,
      author: SAID.author,
    });
    const show = `<p:presentation xmlns:p="${SLIDES}"><p:sldIdLst><p:sldId id="256"/><p:sldId id="257"/><p:sldId id="258"/></p:sldIdLst></p:presentation>`;
    expect(await metadataOf(PPTX, office("ppt/presentation.xml", show, CORE, ""))).toMatchObject({
      slides: 3,
      title: SAID.title,
    });
  });

  it("reads meta.xml of OpenDocument files", async () => {
    const meta =
      '<meta:initial-creator>Ada</meta:initial-creator><dc:creator>Grace</dc:creator><dc:title>Budget</dc:title><meta:creation-date>2026-01-02T03:04:05.678901234</meta:creation-date><dc:date>2026-01-03T00:00:00Z</dc:date><dc:language>pl_PL</dc:language><meta:generator>LibreOffice/7.4</meta:generator><meta:document-statistic meta:table-count="4" meta:page-count="2" meta:word-count="120"/>';
    const said = {
      title: "Budget",
      author: "Ada",
      created_at: "2026-01-02T03:04:05.678Z",
      modified_at: "2026-01-03T00:00:00.000Z",
      language: "pl-PL",
      producer: "LibreOffice/7.4",
    };
    const text = await metadataOf(`${ODF}.text`, openDocument(meta));
    expect(text).toMatchObject({ ...said, pages: 2 });
    expect(text).not.toHaveProperty("sheets");
    const sheets = await metadataOf(`${ODF}.spreadsheet`, openDocument(meta));
    expect(sheets).toMatchObject({ ...said, sheets: 4 });
  });

  it("reads the package document of an e-book", async () => {
    const found = await metadataOf(
      EPUB,
      epub(
        '<dc:title>Middlemarch</dc:title><dc:title>A Study</dc:title><dc:creator>George Eliot</dc:creator><dc:creator>Ada</dc:creator><dc:language>en</dc:language><dc:date>1871</dc:date><meta property="dcterms:modified">2024-05-06T07:08:09Z</meta>',
      ),
    );
    expect(found).toMatchObject({
      title: "Middlemarch",
      author: "George Eliot; Ada",
      language: "en",
      modified_at: "2024-05-06T07:08:09.000Z",
    });
    expect(found).not.toHaveProperty("created_at");
  });

  it("reads the head of a page, in the encoding that it names", async () => {
    const page = Buffer.from(
      '<!doctype html><html lang="de"><head><meta charset="windows-1252"><title>Gr\xfc\xdfe &amp; mehr</title><meta name=Author content="Ada"><meta name="description" content="Von \x84weit\x93"></head><body><svg><title>none</title></svg><meta name="generator" content="none">Text</body></html>',
      "latin1",
    );
    expect(await metadataOf("text/html", page)).toMatchObject({
      title: "Grüße & mehr",
      author: "Ada",
      description: "Von „weit“",
      language: "de",
    });
    expect(await metadataOf("text/html", page)).not.toHaveProperty("producer");
  });

  it("reads the header of a mail", async () => {
    const mail = Buffer.from(
      'From: =?utf-8?q?Zo=C3=AB?= <zoe@example.com>\r\nTo: "List" <l@example.com>\r\nSubject: =?iso-8859-1?q?Gr=FC=DFe?=\r\n from the harbour\r\nDate: Tue, 24 Nov 2026 01:02:03 +0100\r\n\r\nSubject: not this one\r\n',
    );
    expect(await metadataOf(MAIL, mail)).toMatchObject({
      title: "Grüße from the harbour",
      author: "Zoë <zoe@example.com>",
      created_at: "2026-11-24T00:02:03.000Z",
    });
  });

  it("counts words and lines of plain text, and detects its language", async () => {
    const text = Buffer.from(`${ENGLISH}\r\n\r\nEnd.\n`);
    expect(await metadataOf("text/plain", text)).toEqual({
      words: 53,
      characters: ENGLISH.length + 6,
      lines: 3,
      language: "en",
    });
    const short = await metadataOf("text/csv", Buffer.from("a,b\n1,2\n"));
    expect(short).toEqual({ words: 2, characters: 7, lines: 2 });
  });

  it("reports no counts of a text that was cut", async () => {
    const text = Buffer.from(ENGLISH);
    const roomy = { maxTextBytes: ENGLISH.length + 4 };
    expect(await metadataOf("text/plain", text, roomy)).toHaveProperty("words", 52);
    const cut = { maxTextBytes: ENGLISH.length - 1 };
    expect(await metadataOf("text/plain", text, cut)).toEqual({ language: "en" });
  });

  it.each([
    ["no bytes", PDF, Buffer.alloc(0), "document_empty"],
    ["white space", "text/plain", Buffer.from(" \n\t"), "document_empty"],
    ["a PDF with a password", PDF, fixture("encrypted.pdf"), "document_encrypted"],
    ["a PDF that was cut off", PDF, fixture("truncated.pdf"), "document_truncated"],
    ["a text that says it is a PDF", PDF, fixture("no-pdf.pdf"), "document_wrong_type"],
    ["a PDF that says it is a Word document", DOCX, fixture("report.pdf"), "document_wrong_type"],
    [
      "a Word document that was cut off",
      DOCX,
      fixture("minutes.docx").subarray(0, 900),
      "document_truncated",
    ],
    ["a Word document with a password", DOCX, locked(), "document_encrypted"],
    ["any archive that says it is a Word document", DOCX, zip({ a: "a" }), "document_wrong_type"],
    ["a Word document without its main part", DOCX, headless(), "document_unreadable"],
    [
      "any archive that says it is OpenDocument",
      `${ODF}.text`,
      zip({ a: "a" }),
      "document_wrong_type",
    ],
    ["any archive that says it is an e-book", EPUB, zip({ a: "a" }), "document_wrong_type"],
    [
      "an OpenDocument file with a password",
      `${ODF}.text`,
      openDocument(
        "",
        '<m:file-entry m:full-path="content.xml"><m:encryption-data/></m:file-entry>',
      ),
      "document_encrypted",
    ],
    [
      "a picture that says it is a page",
      "text/html",
      Buffer.from("89504e470d0a1a0a0000", "hex"),
      "document_wrong_type",
    ],
    [
      "a letter that says it is a mail",
      MAIL,
      Buffer.from("Dear all,\n\nthanks."),
      "document_wrong_type",
    ],
  ])("gives a reason for %s", async (_, contentType, bytes, code) => {
    await expect(metadataOf(contentType, bytes)).rejects.toMatchObject({ code, retryable: false });
  });

  it("accepts a clear list of types", () => {
    expect(metadata).toMatchObject({ name: "metadata", version: "2" });
    expect(metadata.accepts).toEqual(expect.arrayContaining([PDF, DOCX, EPUB, MAIL, "image/png"]));
    expect(metadata.accepts.filter((type) => type.includes("*"))).toEqual([]);
  });
});

function headless(): Buffer {
  const type = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument";
  return zip({
    "_rels/.rels": `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r" Type="${type}" Target="word/document.xml"/></Relationships>`,
  });
}

/** The beginning of a compound file that holds an encrypted document. */
function locked(): Buffer {
  const magic = Buffer.from("d0cf11e0a1b11ae1", "hex");
  return Buffer.concat([magic, Buffer.alloc(600), Buffer.from("EncryptedPackage", "utf16le")]);
}
