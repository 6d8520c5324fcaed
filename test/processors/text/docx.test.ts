import { describe, expect, it } from "vitest";
import { paragraph, type Relation, W, word, xml } from "../../bombs/office.ts";
import { archive } from "../../fixtures/zip-writer.ts";
import { CIRCLE, fixture, process, textOf } from "./read.ts";

const run = (content: string) => `<w:r>${content}</w:r>`;
const text = (content: string) => run(`<w:t>${content}</w:t>`);
const read = (body: string, parts: Readonly<Record<string, string>> = {}) => {
  const relations: Relation[] = Object.keys(parts).map((name) => ({
    type: name.replace(/\d$/, ""),
    target: `${name}.xml`,
  }));
  const changes = Object.entries(parts).map(([name, root]) => xml(`word/${name}.xml`, root));
  return textOf("docx", archive(word(body, changes, relations)));
};

describe("the text of a DOCX", () => {
  it("is read whole and in order from a document of LibreOffice", async () => {
    const found = await process("docx", fixture("circle.docx"));
    expect(found.text).toBe(CIRCLE);
    expect(found.output).toEqual({ characters: 382, words: 73, truncated: false });
  });

  it.each([
    [
      "deletions and moves from it",
      `<w:del>${run("<w:delText>old</w:delText><w:tab/>")}</w:del><w:moveFrom>${text("far")}</w:moveFrom>`,
      "",
    ],
    [
      "insertions and moves to it",
      `<w:ins>${text("new ")}</w:ins><w:moveTo>${text("near")}</w:moveTo>`,
      "new near",
    ],
    [
      "breaks and tabs",
      run("<w:t>a</w:t><w:br/><w:t>b</w:t><w:cr/><w:t>c</w:t><w:tab/><w:t>d</w:t>"),
      "a\nb\nc\td",
    ],
    [
      "hyphens",
      run("<w:t>co</w:t><w:noBreakHyphen/><w:t>op</w:t><w:softHyphen/><w:t>er</w:t>"),
      "co\u2011op\u00ader",
    ],
    ["symbols of real fonts", run('<w:sym w:char="03B1"/><w:sym w:char="F0FC"/>'), "α"],
    [
      "fields, without their instructions",
      `${run("<w:instrText>PAGE</w:instrText>")}<w:fldSimple w:instr="DATE">${text("May")}</w:fldSimple>`,
      "May",
    ],
    [
      "hyperlinks and content controls",
      `<w:hyperlink>${text("link ")}</w:hyperlink><w:sdt><w:sdtPr><w:t>no</w:t></w:sdtPr><w:sdtContent>${text("control")}</w:sdtContent></w:sdt>`,
      "link control",
    ],
    [
      "formulas",
      '<m:oMath xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"><m:r><m:t>x=1</m:t></m:r></m:oMath>',
      "x=1",
    ],
    [
      "words, without what helps to read them",
      run(`<w:ruby><w:rt>${text("かん")}</w:rt><w:rubyBase>${text("漢")}</w:rubyBase></w:ruby>`),
      "漢",
    ],
    [
      "tab stops in properties",
      `<w:pPr><w:tabs><w:tab w:pos="9"/></w:tabs></w:pPr>${text("x")}`,
      "x",
    ],
    [
      "check boxes",
      run(
        '<w:ffData><w:checkBox><w:default w:val="0"/><w:checked/></w:checkBox></w:ffData><w:ffData><w:checkBox><w:default w:val="0"/></w:checkBox></w:ffData>',
      ),
      "☒☐",
    ],
  ])("has %s", async (_, content, expected) => {
    expect(await read(`${paragraph("before")}<w:p>${content}</w:p>`)).toBe(
      `before\n\n${expected}`.trim(),
    );
  });

  it("has a text box once, whatever ways there are to show it", async () => {
    const box = `<w:txbxContent>${paragraph("box")}<w:tbl><w:tr><w:tc>${paragraph("a")}</w:tc><w:tc>${paragraph("b")}</w:tc></w:tr></w:tbl></w:txbxContent>`;
    const mc = "http://schemas.openxmlformats.org/markup-compatibility/2006";
    const content = `<mc:AlternateContent xmlns:mc="${mc}"><mc:Choice>${box}</mc:Choice><mc:Fallback>${box}</mc:Fallback></mc:AlternateContent>`;
    expect(await read(`<w:p>${text("one ")}${run(content)}${text("paragraph")}</w:p>`)).toBe(
      "box\n\na\tb\n\none paragraph",
    );
  });

  it("has foot- and endnotes as they are referred to, those of notes too, and no others", async () => {
    const note = (kind: string, id: string, content: string) =>
      `<w:${kind} w:id="${id}">${content}</w:${kind}>`;
    const refer = (kind: string, id: string) => run(`<w:${kind}Reference w:id="${id}"/>`);
    const found = await read(
      `<w:p>${text("a")}${refer("endnote", "1")}${text("b")}${refer("footnote", "7")}${refer("footnote", "7")}</w:p>`,
      {
        footnotes: `<w:footnotes ${W}>${note("footnote", "-1", paragraph("separator"))}${note("footnote", "7", `<w:p>${text("seven")}${refer("footnote", "8")}</w:p>`)}${note("footnote", "8", paragraph("eight"))}</w:footnotes>`,
        endnotes: `<w:endnotes ${W}>${note("endnote", "1", paragraph("end"))}</w:endnotes>`,
      },
    );
    expect(found).toBe("a[1]b[2][2]\n\n[1] end\n\n[2] seven[3]\n\n[3] eight");
  });

  it("has every different header before it and footer after it, once", async () => {
    const header = (content: string) => `<w:hdr ${W}>${paragraph(content)}</w:hdr>`;
    const found = await read(paragraph("body"), {
      footer1: `<w:ftr ${W}>${paragraph("foot")}</w:ftr>`,
      header1: header("head"),
      header2: header("other head"),
      header3: header("head"),
      comments: `<w:comments ${W}>${paragraph("comment")}</w:comments>`,
    });
    expect(found).toBe("head\n\nother head\n\nbody\n\nfoot");
  });

  it("is found where prefixes and the strict format are other than usual", async () => {
    const strict = "http://purl.oclc.org/ooxml/wordprocessingml/main";
    const root = `<document xmlns="${strict}"><body><p><r><t>strict</t><tab/><t>text</t></r></p></body></document>`;
    expect(await textOf("docx", archive(word("", [xml("word/document.xml", root)])))).toBe(
      "strict\ttext",
    );
  });
});
