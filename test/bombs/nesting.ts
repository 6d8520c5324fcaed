import { archive, deflatedRepeat } from "../fixtures/zip-writer.ts";
import { type Bomb, bomb, type End } from "./bomb.ts";
import { book, openText, paragraph, shape, sheet, slides, word } from "./office.ts";

const ANY: readonly End[] = [
  "processed",
  "document_empty",
  "document_unreadable",
  "document_truncated",
  "document_wrong_type",
  "document_too_complex",
];
const DEPTH = 100_000;

const nested = (open: string, inner: string, close: string, depth = DEPTH) =>
  open.repeat(depth) + inner + close.repeat(depth);

/** Documents with unrealistic depth, width or length inside. */
export const NESTING: readonly Bomb[] = [
  bomb("deep-tags.html", "recursion: 100,000 tags in each other", ANY, () =>
    Buffer.from(`<html><body>${nested("<div>", "deep", "</div>")}</body></html>`),
  ),
  bomb("deep-tables.html", "time: tables in tables that never close", ANY, () =>
    Buffer.from(`<html><body>${"<table><tr><td>deep".repeat(DEPTH)}`),
  ),
  bomb(
    "unclosed-formatting.html",
    "time: formatting that is opened again in every paragraph",
    ANY,
    () => Buffer.from(`<html><body>${"<b><i><u><p>again".repeat(20_000)}`),
  ),
  bomb("many-attributes.html", "time: a tag of a million attributes", ANY, () =>
    Buffer.from(
      `<html><body><p ${Array.from({ length: 1_000_000 }, (_, i) => `a${i}=1`).join(" ")}>visible</p></body></html>`,
    ),
  ),
  bomb("unclosed-comment.html", "time: comments, each of them never closed", ANY, () =>
    Buffer.from(`<html><body>visible${"<!--".repeat(2_000_000)}`),
  ),
  bomb("many-entities.html", "time: ten million entities, half of them unknown", ANY, () =>
    Buffer.from(`<html><body>${"&amp;&boom;".repeat(5_000_000)}</body></html>`),
  ),
  bomb("deep-brackets.json", "recursion: a million brackets", ANY, () =>
    Buffer.from(nested("[", "", "]", 1_000_000)),
  ),
  bomb("deep-objects.json", "recursion: objects 500,000 deep", ANY, () =>
    Buffer.from(nested('{"a":', "1", "}", 500_000)),
  ),
  bomb("unclosed.json", "recursion: ten million brackets that never close", ANY, () =>
    Buffer.from("[".repeat(10_000_000)),
  ),
  bomb("prototype.json", "objects: keys that belong to every object", ANY, () =>
    Buffer.from(`{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}`),
  ),
  bomb("huge-numbers.json", "arithmetic: numbers of a million digits", ANY, () =>
    Buffer.from(
      `[${"9".repeat(1_000_000)},1e${"9".repeat(1_000_000)},-0.${"0".repeat(1_000_000)}1]`,
    ),
  ),
  bomb("many-keys.json", "memory: an object of two million keys", ANY, () =>
    Buffer.from(`{${Array.from({ length: 2_000_000 }, (_, i) => `"${i}a":0`).join(",")}}`),
  ),
  bomb("deep-groups.rtf", "recursion: a million groups", ANY, () =>
    Buffer.from(`{\\rtf1 ${nested("{", "deep", "}", 1_000_000)}}`),
  ),
  bomb("unclosed-groups.rtf", "recursion: ten million groups that never close", ANY, () =>
    Buffer.from(`{\\rtf1 ${"{".repeat(10_000_000)}`),
  ),
  bomb("binary-claims.rtf", "memory: 2^31 bytes of binary claimed", ANY, () =>
    Buffer.from(`{\\rtf1 visible {\\pict\\bin2147483647 x}\\bin-1 \\u-99999999999 \\'zz\\par}`),
  ),
  bomb("long-words.rtf", "time: a control word of 10 MB with a number of 10 MB", ANY, () =>
    Buffer.from(`{\\rtf1 visible \\${"a".repeat(10_000_000)}${"9".repeat(10_000_000)} }`),
  ),
  bomb(
    "skips-after-letters.rtf",
    "arithmetic: two billion characters to skip after each letter",
    ANY,
    () => Buffer.from(`{\\rtf1 visible ${"\\uc2147483647\\u945 ".repeat(10_000)}}`),
  ),
  bomb("fonts.rtf", "memory: a table of a million fonts", ANY, () =>
    Buffer.from(
      `{\\rtf1{\\fonttbl${Array.from({ length: 1_000_000 }, (_, i) => `{\\f${i} a;}`).join("")}}visible}`,
    ),
  ),
  bomb("deep-parts.eml", "recursion: multiparts in multiparts, 10,000 deep", ANY, () => {
    const parts = Array.from(
      { length: 10_000 },
      (_, i) => `Content-Type: multipart/mixed; boundary="b${i}"\r\n\r\n--b${i}\r\n`,
    );
    return Buffer.from(`Subject: deep\r\nMIME-Version: 1.0\r\n${parts.join("")}\r\ndeep\r\n`);
  }),
  bomb("deep-messages.eml", "recursion: messages in messages, 10,000 deep", ANY, () =>
    Buffer.from(
      `${"Subject: deep\r\nContent-Type: message/rfc822\r\n\r\n".repeat(10_000)}deep\r\n`,
    ),
  ),
  bomb("one-boundary.eml", "time: parts that share one boundary, 100,000 of them", ANY, () =>
    Buffer.from(
      `Content-Type: multipart/mixed; boundary="b"\r\n\r\n${'--b\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'.repeat(DEPTH)}--b--\r\n`,
    ),
  ),
  bomb("many-parts.eml", "memory: 200,000 parts", ANY, () =>
    Buffer.from(
      `Subject: s\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n${"--b\r\n\r\nx\r\n".repeat(200_000)}--b--\r\n`,
    ),
  ),
  bomb("long-header.eml", "time: a header of 20 MB, folded 10 million times", ANY, () =>
    Buffer.from(`Subject: s\r\nX-Boom:${"\r\n a".repeat(5_000_000)}\r\n\r\nvisible\r\n`),
  ),
  bomb("encoded-words.eml", "time: a subject of a million encoded words", ANY, () =>
    Buffer.from(`Subject: ${"=?utf-8?Q?=C3=A4?= ".repeat(500_000)}\r\n\r\nvisible\r\n`),
  ),
  bomb("comments-in-addresses.eml", "recursion: comments in addresses, 500,000 deep", ANY, () =>
    Buffer.from(
      `From: ${"(".repeat(500_000)}\r\nTo: ${'"\\'.repeat(500_000)}\r\nSubject: s\r\n\r\nvisible\r\n`,
    ),
  ),
  bomb("charsets.eml", "decoders: unknown charsets", ANY, () =>
    Buffer.from(
      "Subject: =?x-boom?B?////?= =?utf-7?Q?+ADw-?=\r\nContent-Type: text/plain; charset=x-boom\r\nContent-Transfer-Encoding: base64\r\n\r\n====////!!!!\r\n",
    ),
  ),
  bomb("deep-tables.docx", "recursion: tables in tables, 20,000 deep", ANY, () =>
    archive(
      word(nested("<w:tbl><w:tr><w:tc>", paragraph("deep"), "</w:tc></w:tr></w:tbl>", 20_000)),
    ),
  ),
  bomb("deep-runs.docx", "recursion: 300,000 elements in each other", ANY, () =>
    archive(
      word(
        `<w:p>${nested("<w:smartTag>", "<w:r><w:t>deep</w:t></w:r>", "</w:smartTag>", 300_000)}</w:p>`,
      ),
    ),
  ),
  bomb("cells-in-tables.docx", "time: 500,000 cells, merged across each other", ANY, () =>
    archive(
      word(
        `<w:tbl>${`<w:tr>${`<w:tc><w:tcPr><w:gridSpan w:val="2147483647"/><w:vMerge/></w:tcPr>${paragraph("x")}</w:tc>`.repeat(100)}</w:tr>`.repeat(5000)}</w:tbl>`,
      ),
    ),
  ),
  bomb("notes-in-a-circle.docx", "loops: a footnote that refers to itself", ANY, () =>
    archive(
      word(
        '<w:p><w:r><w:t>visible</w:t></w:r><w:r><w:footnoteReference w:id="1"/></w:r></w:p>',
        [
          {
            name: "word/footnotes.xml",
            content:
              '<w:footnotes xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:footnote w:id="1"><w:p><w:r><w:t>again</w:t></w:r><w:r><w:footnoteReference w:id="1"/><w:footnoteReference w:id="1"/></w:r></w:p></w:footnote></w:footnotes>',
          },
        ],
        [{ type: "footnotes", target: "footnotes.xml" }],
      ),
    ),
  ),
  bomb("styles-in-a-circle.docx", "loops: styles that are based on each other", ANY, () =>
    archive(
      word('<w:p><w:pPr><w:pStyle w:val="a"/></w:pPr><w:r><w:t>visible</w:t></w:r></w:p>', [
        {
          name: "word/styles.xml",
          content:
            '<w:styles xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:style w:type="paragraph" w:styleId="a"><w:basedOn w:val="b"/></w:style><w:style w:type="paragraph" w:styleId="b"><w:basedOn w:val="a"/></w:style></w:styles>',
        },
      ]),
    ),
  ),
  bomb(
    "main-part-is-its-list.docx",
    "loops: the document is the list of relationships that names it",
    ANY,
    () =>
      archive(
        word("", [
          {
            name: "_rels/.rels",
            content:
              '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="_rels/.rels"/></Relationships>',
          },
        ]),
      ),
  ),
  bomb("deep-sections.odt", "recursion: 100,000 sections in each other", ANY, () =>
    archive(
      openText(nested('<text:section text:name="s">', "<text:p>deep</text:p>", "</text:section>")),
    ),
  ),
  bomb("spaces.odt", "memory: an element that stands for 2^31 spaces", ANY, () =>
    archive(openText(`<text:p>visible${'<text:s text:c="2147483647"/>'.repeat(100)}</text:p>`)),
  ),
  bomb(
    "repeated-cells.odt",
    "memory: rows and cells that say they are repeated 2^31 times",
    ANY,
    () =>
      archive(
        openText(
          '<table:table xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"><table:table-row table:number-rows-repeated="2147483647"><table:table-cell table:number-columns-repeated="2147483647"><text:p>x</text:p></table:table-cell></table:table-row></table:table>',
        ),
      ),
  ),
  bomb("inflated-content.odt", "memory: 1 GiB of content.xml", ANY, () => {
    const [head = "", tail = ""] = String(openText("|").at(-1)?.content).split("|");
    const piece = `<text:p>${"boom ".repeat(200)}</text:p>`.repeat(1000);
    return archive(
      openText("", [{ name: "content.xml", ...deflatedRepeat(head, piece, 1000, tail) }]),
    );
  }),
  bomb("far-cell.xlsx", "memory: a cell in the last row and column, and beyond them", ANY, () =>
    archive(
      sheet(
        '<row r="1048576"><c r="XFD1048576" t="s"><v>0</v></c></row><row r="2147483647"><c r="ZZZZZZ2147483647"><v>1</v></c></row><row r="-1"><c r="A-1"><v>1</v></c></row>',
      ),
    ),
  ),
  bomb("inflated-rows.xlsx", "memory: 1 GiB of rows", ANY, () => {
    const [head = "", tail = ""] = String(
      sheet("|").find(({ name }) => name === "xl/worksheets/sheet1.xml")?.content,
    ).split("|");
    const row = '<row><c t="s"><v>0</v></c><c><v>12345.678</v></c></row>'.repeat(20_000);
    return archive(
      sheet("", [{ name: "xl/worksheets/sheet1.xml", ...deflatedRepeat(head, row, 1000, tail) }]),
    );
  }),
  bomb("string-claims.xlsx", "arithmetic: shared strings of number 2^31 and -1", ANY, () =>
    archive(
      sheet(
        '<row r="1"><c r="A1" t="s"><v>2147483647</v></c><c r="B1" t="s"><v>-1</v></c><c r="C1" t="s"><v>constructor</v></c></row>',
      ),
    ),
  ),
  bomb("long-string.xlsx", "memory: a shared string of 1 MB in 100,000 cells", ANY, () =>
    archive(
      sheet('<row><c t="s"><v>0</v></c></row>'.repeat(DEPTH), [
        {
          name: "xl/sharedStrings.xml",
          content: `<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>${"boom ".repeat(200_000)}</t></si></sst>`,
        },
      ]),
    ),
  ),
  bomb("many-slides.pptx", "time: 50,000 slides that are all one", ANY, () =>
    archive(slides(shape("again"), [], 50_000)),
  ),
  bomb("deep-shapes.pptx", "recursion: 100,000 groups of shapes in each other", ANY, () =>
    archive(slides(nested("<p:grpSp>", shape("deep"), "</p:grpSp>"))),
  ),
  bomb("spine-in-a-circle.epub", "loops: one chapter, 100,000 times in the spine", ANY, () =>
    archive(
      book(
        "<p>again</p>",
        [],
        Array.from({ length: DEPTH }, () => "one"),
      ),
    ),
  ),
  bomb("long-chapter.epub", "memory: a chapter of 1 MB, 10,000 times in the spine", ANY, () =>
    archive(
      book(
        `<p>${"boom ".repeat(200_000)}</p>`,
        [],
        Array.from({ length: 10_000 }, () => "one"),
      ),
    ),
  ),
  bomb(
    "book-of-itself.epub",
    "loops: a container and a spine that lead back to the book",
    ANY,
    () => {
      const opf =
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata/><manifest><item id="one" href="book.opf" media-type="application/xhtml+xml"/><item id="two" href="META-INF/container.xml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="one"/><itemref idref="two"/></spine></package>';
      return archive(book("", [{ name: "book.opf", content: opf }]));
    },
  ),
  bomb("deep-quotes.md", "recursion: quotes 100,000 deep", ANY, () =>
    Buffer.from(`${">".repeat(DEPTH)} deep\n`),
  ),
  bomb("brackets.md", "time: links and emphasis that never close", ANY, () =>
    Buffer.from(
      ["[", "![", "[a](", "*a **a ", "`a``", "<", "\\", "- ", "| "]
        .map((piece) => piece.repeat(50_000))
        .join("\n\n"),
    ),
  ),
];
