import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readHtml } from "../../../processors/text/html.ts";
import { SILENT } from "../../../src/domain/ports/logger.ts";
import { inputOf } from "../formats/input.ts";

const FIXTURES = join(import.meta.dirname, "..", "..", "fixtures");

async function read(
  html: string | Uint8Array,
  { contentType = "text/html", maxTextBytes = 1 << 20 } = {},
) {
  const bytes = typeof html === "string" ? Buffer.from(html) : html;
  const signal = new AbortController().signal;
  return readHtml(inputOf(bytes, contentType), { signal, maxTextBytes, logger: SILENT });
}

const textOf = async (html: string | Uint8Array, contentType?: string) =>
  (await read(html, contentType === undefined ? {} : { contentType })).text;

describe("readHtml()", () => {
  it("reads a page as a browser shows it", async () => {
    expect(await textOf(readFileSync(join(FIXTURES, "page.html")))).toBe(
      `Wyprawa na rzekę

Start | Mapa

Wyprawa na rzekę

Wyruszyliśmy o piątej rano – we mgle.
Woda była zimna & głęboka.

Potrzebne były:

trzy wiosła
mapa
z zaznaczonymi mieliznami
chleb

Głębokości
Miejsce\tMetry
Most\t3,5
Prom\t2,1

  o  o
   ><(((°>

Napisała Zofia,
łódź.`,
    );
  });

  it.each([
    ["text alone", "a < b &lt; c", "a < b < c"],
    ["spaces within and between elements", "<b>a </b> <i> b</i>c  \n d", "a bc d"],
    [
      "lines of an e-mail program",
      "<div>a</div><div><br></div><div>b</div><div>c</div>",
      "a\n\nb\nc",
    ],
    ["many line breaks", "a<br><br><br><br>b<br>", "a\n\nb"],
    ["a break before the end of a paragraph", "<p>a<br></p><p>b</p>", "a\n\nb"],
    ["paragraphs of nothing", "<p>a<p>&nbsp;<p> <p>b", "a\n\nb"],
    ["a rule", "a<hr>b", "a\n\nb"],
    ["definitions", "<dl><dt>a<dd>b<dt>c<dd>d</dl>", "a\nb\nc\nd"],
    ["choices", "<select><option>a<option>b</select>", "a\nb"],
    ["pieces of text that are kept", "<pre>\n\n a\r\n  b\n\n\n</pre>c", "a\n  b\n\nc"],
    ["elements in kept text", "<pre>a\n<b>\nb</b>\n</pre>", "a\n\nb"],
    ["a text box", "<textarea>\n a <b>\n</textarea>", "a <b>"],
    ["ruby", "<ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp></ruby>", "漢(かん)"],
    ["hidden elements with others in them", "a<div hidden><p>x<div>y</div></div>b", "ab"],
    ["comments and instructions", "a<!-- x --><?php y ?><![CDATA[z]]>b", "ab"],
    ["scripts that speak of elements", "a<script>'</p>' < 3</script>b", "ab"],
    ["drawings", "a<svg><title>x</title><text>y</text></svg>b", "ab"],
    ["entities of all kinds", "&euro;&#8364;&#x20AC;&nosuch;&amp", "€€€&nosuch;&"],
    ["what stands before and after the body", "a<html>b<body>c</body>d", "a\nb\nc\nd"],
  ])("reads %s", async (_, html, expected) => {
    expect(await textOf(html)).toBe(expected);
  });

  it.each([
    ["cells with paragraphs in one line", "<tr><td><p>a<p>b<td>c", "a b\tc"],
    ["empty cells", "<tr><td><td>a<td><td>b<td>", "a\t\tb"],
    ["empty rows", "<tr><td>a<td>b<tr><td> <td><tr><td>c<td>d", "a\tb\nc\td"],
    [
      "cells over several columns",
      "<tr><td colspan=2>a<td>b<tr><td>1<td>2<td>3",
      "a\t\tb\n1\t2\t3",
    ],
    ["more columns than there are", `${"<td colspan=1000>".repeat(3)}a<td>b`, "a\nb"],
    ["one column", "<tr><td>a<tr><td>b", "a\nb"],
    ["a page in one cell", "<tr><td><p>a<p>b", "a\n\nb"],
    ["a page beside a margin", "<tr><td> <td><p>a<p>b<td>", "a\n\nb"],
    ["tables in cells", "<tr><td>a<table><tr><td>1<td>2</table>b<td>c", "a\n\n1\t2\n\nb\nc"],
    [
      "a cell as long as a page",
      `<tr><td>${"a ".repeat(40_000)}<td>b`,
      `${"a ".repeat(39_999)}a\nb`,
    ],
  ])("reads %s of a table", async (_, rows, expected) => {
    expect(await textOf(`<table>${rows}</table>`)).toBe(expected);
  });

  it("closes elements of XHTML where they say so", async () => {
    const page = "<html><head><script src='x'/><title/></head><body>a<div/>b</body></html>";
    expect(await textOf(page, "application/xhtml+xml")).toBe("a\nb");
  });

  it.each([
    ["a meta element", "<meta charset=koi8-r>", "Котик"],
    [
      "a meta element with a type",
      "<meta content='text/html; charset=KOI8-R' http-equiv=x>",
      "Котик",
    ],
    [
      "a meta element in a comment",
      "<!--<meta charset=iso-8859-5>--><meta charset=koi8-r>",
      "Котик",
    ],
    ["an XML declaration", "<?xml version='1.0' encoding='koi8-r'?>", "Котик"],
  ])("believes the encoding in %s", async (_, head, text) => {
    const word = [0xeb, 0xcf, 0xd4, 0xc9, 0xcb];
    expect(await textOf(Buffer.concat([Buffer.from(head), Uint8Array.from(word)]))).toBe(text);
  });

  it("believes no UTF-16 that it could read as ASCII", async () => {
    expect(await textOf("<meta charset=utf-16>Łódź")).toBe("Łódź");
    expect(await textOf(Buffer.from("\ufeff<p>Łódź", "utf16le"))).toBe("Łódź");
  });

  it("cuts text at the limit and reads no further", async () => {
    let sent = 0;
    const input = {
      ...inputOf(new Uint8Array(), "text/html"),
      async *stream() {
        for (; ; sent += 1000) yield Buffer.from("<p>five.".repeat(125));
      },
    };
    const signal = new AbortController().signal;
    const context = { signal, maxTextBytes: 1000, logger: SILENT };
    const { text, facts } = await readHtml(input, context);
    expect(text.length).toBeGreaterThan(990);
    expect(facts.truncated).toBe(true);
    expect(sent).toBeLessThan(100_000);
  });

  it.each([
    ["elements in elements", "<div>".repeat(1_001)],
    ["attributes", `<a ${Array.from({ length: 1_001 }, (_, i) => `a${i}`).join(" ")}>`],
    ["tags", `<a title="${"x".repeat(9 << 20)}`],
  ])("gives up on too much of %s", async (_, html) => {
    await expect(read(html)).rejects.toMatchObject({ code: "document_too_complex" });
  });

  it("finds text in every beginning of a page, in order", async () => {
    const page = readFileSync(join(FIXTURES, "page.html"));
    const whole = (await textOf(page)).replace(/\s+/g, "");
    for (let end = 300; end <= page.byteLength; end += 1) {
      const start = (await textOf(page.subarray(0, end))).replace(/\s+/g, "");
      // The end may be half a tag, an entity or a character, which are read as far as they came.
      const half = /(?:<[^>]*|&[\w#]*|.)$/s.exec(page.toString("latin1", 0, end))?.[0] ?? "";
      const sure = start.slice(0, Math.max(0, start.length - half.length));
      expect(whole.startsWith(sure), `cut at ${end}`).toBe(true);
    }
  });

  it("reads whatever bytes stand in a page, or refuses them", async () => {
    const page = readFileSync(join(FIXTURES, "page.html"));
    const spot = fc.tuple(fc.nat(page.byteLength - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(spot, { minLength: 1, maxLength: 20 }), async (spots) => {
        const broken = new Uint8Array(page);
        for (const [at, byte] of spots) broken[at] = byte;
        const found = await textOf(broken).catch((error: { code: string }) => error.code);
        expect(found.isWellFormed()).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});
