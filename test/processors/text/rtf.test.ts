import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readRtf } from "../../../processors/text/rtf.ts";
import { SILENT } from "../../../src/domain/ports/logger.ts";
import { MINUTES_TEXT } from "../../fixtures/minutes.ts";
import { inputOf } from "../formats/input.ts";

const MINUTES = readFileSync(join(import.meta.dirname, "..", "..", "fixtures", "minutes.rtf"));

const read = (rtf: string | Uint8Array, maxTextBytes = 1 << 20) => {
  const bytes = typeof rtf === "string" ? Buffer.from(rtf, "latin1") : rtf;
  const signal = new AbortController().signal;
  const input = inputOf(bytes, "application/rtf");
  return readRtf(input, { signal, maxTextBytes, logger: SILENT });
};
const textOf = async (rtf: string | Uint8Array) => (await read(rtf)).text;
const bodyOf = (body: string) => textOf(`{\\rtf1\\ansi\\ansicpg1252 ${body}}`);

const FONTS =
  "{\\fonttbl{\\f0\\fswiss\\fcharset0 Arial;}{\\f1\\fnil\\fcharset204{\\*\\falt X}Courier;}" +
  "{\\f2\\fcharset128 Mincho;}{\\f3\\fcharset238\\cpg1250 Y;}{\\f4\\fcharset1 Z;}}";

describe("readRtf()", () => {
  it("reads a document as Writer saves it", async () => {
    expect(await textOf(MINUTES)).toBe(MINUTES_TEXT);
  });

  it.each([
    ["letters by their code", "Gr\\'fc\\'DFe f\\'fcr 5 \\'80", "Grüße für 5 €"],
    ["raw letters", "Gr\xfc\xdfe", "Grüße"],
    ["braces and backslashes", "\\{a\\\\b\\}", "{a\\b}"],
    [
      "characters with a name",
      "\\ldblquote a\\rdblquote\\emdash b\\bullet\\tab c\\~d\\_e",
      "“a”—b•\tc\u00a0d\u2011e",
    ],
    [
      "paragraphs, lines and pages",
      "a\\par b\\line c\\page d\\\ne\\sect f",
      "a\n\nb\nc\n\nd\n\ne\n\nf",
    ],
    ["words with a space and without", "\\b bold\\b0 , \\i\\ul x\\ulnone\\par}{y", "bold, x"],
    ["line ends as nothing", "a\r\nb\\par\r\n c", "ab\n\nc"],
    ["fields by their result", '{\\field{\\*\\fldinst HYPERLINK "x"}{\\fldrslt link}}', "link"],
    ["fields of sloppy writers", "{\\field{\\fldinst PAGE}{\\fldrslt 1}}", "1"],
    ["an object by its result", "{\\object{\\*\\objdata 0102}{\\result seen}}", "seen"],
  ])("reads %s", async (_, body, expected) => {
    expect(await bodyOf(body)).toBe(expected);
  });

  it.each([
    ["Unicode with a fallback letter", "\\u8364 ?x\\u-10179?\\u-8703?", "€x😁"],
    ["a fallback in bytes", "\\uc2\\u26085\\'93\\'fa\\uc1\\u233\\'e9!", "日é!"],
    ["no fallback", "\\uc0\\u233 t\\u233 ", "été"],
    ["a fallback that a group has", "{\\uc2\\u233 xx}\\u233 xx", "ééx"],
    ["a fallback with a name", "\\u8217\\rquote s", "’s"],
    ["a fallback that is missing", "\\u233\\par b{\\u233}c", "é\n\nbéc"],
    ["a fallback of another length", "\\uc-5\\u233 a\\uc99999\\u233 0123456789abcdefz", "éaéz"],
    ["half a character", "a\\u-10179 ?b", "a\ufffdb"],
    ["numbers beyond all", "\\u99999999999 ?a", "\ue7ffa"],
  ])("reads %s", async (_, body, expected) => {
    expect(await bodyOf(body)).toBe(expected);
  });

  it.each([
    ["\\ansicpg1251 \\'cf\\'f0\\'e8", "При"],
    ["\\ansicpg932 \\'93\\'fa\\'96{\\b\\'7b}", "日\ufffd{"],
    ["\\mac \\'8e", "é"],
    ["\\ansicpg437 \\'e9", "é"],
    [`${FONTS}\\f1 \\'cf\\'f0{\\f0 \\'e9}\\'e8`, "Прéи"],
    [`${FONTS}\\f2 \\'93\\'fa\\'96\\'7b\\f0 \\'e9`, "日本é"],
    [`${FONTS}\\f2 \\'96{}`, "\ufffd"],
    [`${FONTS}\\f3 \\'b9\\plain \\'b9`, "ą¹"],
    [`\\ansicpg1253\\deff4${FONTS}\\'e1\\f0\\'e1\\f77\\'e1`, "αáα"],
    [`\\deff1${FONTS}\\'cf{\\f0\\plain\\'cf}`, "ПП"],
  ])("decodes %s", async (body, expected) => {
    expect(await textOf(`{\\rtf1 ${body}}`)).toBe(expected);
  });

  it.each([
    [
      "tables of fonts, colours and styles",
      `${FONTS}{\\colortbl;\\red0 x;}{\\stylesheet{\\s1 Title;}}a`,
      "a",
    ],
    ["facts about the document", "{\\info{\\title Secret}{\\author N}}a", "a"],
    ["what only some programs know", "{\\*\\nobodys x{y}}a", "a"],
    ["pictures", "{\\pict\\pngblip 89504e47}{\\*\\shppict{\\pict 00}}a", "a"],
    ["binary data with braces in it", "{\\pict\\bin6 }}}{\\\\ }a\\bin3 }}}b", "ab"],
    [
      "hidden and deleted text",
      "a{\\v b\\'e9\\u233 ?}c{\\deleted d}\\v e\\v0 f\\v g\\plain h",
      "acfh",
    ],
    ["marks of an index", "a{\\xe b}{\\tc c}{\\*\\bkmkstart d}", "a"],
    ["numbers of lists", "{\\listtext 1.\\tab}a\\par{\\pntext *\\tab}b", "a\n\nb"],
  ])("leaves out %s", async (_, body, expected) => {
    expect(await bodyOf(body)).toBe(expected);
  });

  it.each([
    [
      "rows",
      "x\\par\\trowd\\cellx1\\cellx2\\pard\\intbl a\\cell b\\cell\\row\\trowd\\pard\\intbl c\\par d\\cell\\cell\\row\\pard y",
      "x\n\na\tb\nc d\n\ny",
    ],
    [
      "rows without \\intbl",
      "\\trowd a\\cell b\\cell\\row\\trowd c\\cell d\\cell\\row\\pard y",
      "a\tb\nc\td\n\ny",
    ],
    ["a table at the end", "\\trowd\\pard\\intbl a\\cell\\cell b\\cell\\row", "a\t\tb"],
    [
      "a table in a cell",
      "\\trowd\\pard\\intbl a\\par b\\nestcell c\\nestcell{\\*\\nesttableprops\\nestrow}\\cell d\\cell\\row",
      "a b c\td",
    ],
    ["a row that does not end", "\\trowd\\pard\\intbl a\\cell b\\cell", "a\tb"],
    [
      "notes",
      "a\\chftn{\\footnote\\pard\\chftn  One}b{\\footnote Two\\par more}",
      "a[1]b[2]\n\n[1] One\n\n[2] Two\n\nmore",
    ],
    ["notes in a table", "\\trowd\\intbl a{\\footnote n}\\cell b\\cell\\row", "a[1]\tb\n\n[1] n"],
    [
      "headers and footers once",
      "{\\header h}{\\footer f}a\\sect{\\header h}{\\footer g}b",
      "h\n\na\n\nb\n\nf\n\ng",
    ],
    [
      "a text box before its paragraph",
      "a{\\shp{\\*\\shpinst{\\sp{\\sn n}{\\sv v}}{\\shptxt box}}{\\shprslt box}} b",
      "box\n\na b",
    ],
  ])("reads %s", async (_, body, expected) => {
    expect(await bodyOf(body)).toBe(expected);
  });

  it.each([
    ["other text", "Dear {\\rtf1 a}", "document_wrong_type", "not an RTF"],
    ["braces alone", "{a}", "document_wrong_type", "not an RTF"],
    ["nothing that matters", " ", "document_wrong_type", "not an RTF"],
    ["a document that was cut off", "{\\rtf1 a\\par b", "document_truncated", "truncated"],
    [
      "binary data that was cut off",
      "{\\rtf1 a\\bin99999999 b}",
      "document_truncated",
      "truncated",
    ],
    ["an endless control word", `{\\rtf1 \\${"a".repeat(99)}}`, "document_unreadable", "corrupt"],
    ["an endless number", `{\\rtf1 \\b${"1".repeat(99)}}`, "document_unreadable", "corrupt"],
    ["groups in groups", `{\\rtf1 ${"{".repeat(2_000)}`, "document_too_complex", "deep"],
  ])("gives a reason for %s", async (_, rtf, code, reason) => {
    const error = await read(rtf).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).toContain(reason);
  });

  it("takes what follows the document for nothing", async () => {
    expect(await textOf("\xef\xbb\xbf \n{\\rtf1 a}}}b{\\rtf1 c}\0")).toBe("a");
  });

  it("cuts text at the limit and reads no further", async () => {
    let sent = 0;
    const input = {
      ...inputOf(new Uint8Array(), "application/rtf"),
      async *stream() {
        yield Buffer.from("{\\rtf1 ");
        for (; ; sent += 1000) yield Buffer.from("five.\\par ".repeat(100));
      },
    };
    const signal = new AbortController().signal;
    const { text, facts } = await readRtf(input, { signal, maxTextBytes: 1000, logger: SILENT });
    expect(text.length).toBeGreaterThan(990);
    expect(facts.truncated).toBe(true);
    expect(sent).toBeLessThan(10_000);
  });

  it("gives text or a reason for a document cut off or damaged anywhere", async () => {
    const damage = fc.record({
      end: fc.nat(MINUTES.byteLength),
      spots: fc.array(fc.tuple(fc.nat(MINUTES.byteLength - 1), fc.nat(255)), { maxLength: 9 }),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ end, spots }) => {
        const broken = new Uint8Array(MINUTES);
        for (const [at, byte] of spots) broken[at] = byte;
        const found = await textOf(broken.subarray(0, end)).catch((error) => error.code);
        expect(found).toBeTypeOf("string");
        expect(found.isWellFormed()).toBe(true);
        if (spots.length === 0) {
          const cutOff = end < 5 ? "document_wrong_type" : "document_truncated";
          expect(found).toBe(end === MINUTES.byteLength ? await textOf(MINUTES) : cutOff);
        }
      }),
    );
  });
});
