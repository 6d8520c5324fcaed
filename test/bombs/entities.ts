import { archive } from "../fixtures/zip-writer.ts";
import { type Bomb, bomb, type End } from "./bomb.ts";
import {
  book,
  openText,
  paragraph,
  shape,
  sheet,
  slides,
  word,
  wordDocument,
  xml,
} from "./office.ts";

/** Expanded it would be 3 GB. */
const LAUGHS = `<!DOCTYPE r [<!ENTITY a0 "boom ">${Array.from({ length: 9 }, (_, i) => `<!ENTITY a${i + 1} "${`&a${i};`.repeat(10)}">`).join("")}]>`;
const LAUGH = "&a9;";
/** Refused, or left as it stands; expanded it is too much. */
const REFUSED: readonly End[] = [
  "document_unreadable",
  "document_truncated",
  "document_wrong_type",
  "document_too_complex",
  "document_empty",
  "processed",
];

export const ENTITIES: readonly Bomb[] = [
  bomb("billion-laughs.docx", "memory: entities that double", REFUSED, () =>
    archive(word("", [xml("word/document.xml", wordDocument(paragraph(LAUGH)), LAUGHS)])),
  ),
  bomb("billion-laughs.xlsx", "memory: entities in shared strings", REFUSED, () =>
    archive(
      sheet('<row r="1"><c r="A1" t="s"><v>0</v></c></row>', [
        xml(
          "xl/sharedStrings.xml",
          `<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>${LAUGH}</t></si></sst>`,
          LAUGHS,
        ),
      ]),
    ),
  ),
  bomb("billion-laughs.pptx", "memory: entities in a slide", REFUSED, () =>
    archive(slides("", [withDoctype(slides(shape(LAUGH)), "ppt/slides/slide1.xml", LAUGHS)])),
  ),
  bomb("billion-laughs.odt", "memory: entities in content.xml", REFUSED, () =>
    archive(
      openText("", [withDoctype(openText(`<text:p>${LAUGH}</text:p>`), "content.xml", LAUGHS)]),
    ),
  ),
  bomb("billion-laughs.epub", "memory: entities in a chapter", REFUSED, () =>
    archive(book("", [withDoctype(book(`<p>${LAUGH}</p>`), "one.xhtml", LAUGHS)])),
  ),
  bomb("billion-laughs.html", "memory: entities in a page", REFUSED, () =>
    Buffer.from(`${LAUGHS}<html><body><p>${LAUGH}</p></body></html>`),
  ),
  bomb("laughs-in-picture.docx", "memory: entities in an SVG picture", ["processed"], () =>
    archive(
      word(
        paragraph("A picture"),
        [
          xml(
            "word/media/image1.svg",
            `<svg xmlns="http://www.w3.org/2000/svg"><text>${LAUGH}</text></svg>`,
            LAUGHS,
          ),
        ],
        [{ type: "image", target: "media/image1.svg" }],
      ),
    ),
  ),
  bomb("quadratic-entity.docx", "memory: a long entity, used 50,000 times", REFUSED, () =>
    archive(
      word("", [
        xml(
          "word/document.xml",
          wordDocument(paragraph("&a;".repeat(50_000))),
          `<!DOCTYPE r [<!ENTITY a "${"boom ".repeat(20_000)}">]>`,
        ),
      ]),
    ),
  ),
  bomb("entity-of-itself.docx", "recursion: entities that hold each other", REFUSED, () =>
    archive(
      word("", [
        xml(
          "word/document.xml",
          wordDocument(paragraph("&a;")),
          '<!DOCTYPE r [<!ENTITY a "&b;"><!ENTITY b "&a;">]>',
        ),
      ]),
    ),
  ),
  bomb(
    "external-entity.docx",
    "canaries: an entity that is a file, a DTD that is a page",
    REFUSED,
    ({ path, url }) =>
      archive(
        word("", [
          xml(
            "word/document.xml",
            wordDocument(paragraph("read &file; and &page;")),
            external(path, url),
          ),
        ]),
      ),
  ),
  bomb(
    "external-entity.odt",
    "canaries: an entity that is a file, a DTD that is a page",
    REFUSED,
    ({ path, url }) =>
      archive(
        openText("", [
          withDoctype(
            openText("<text:p>read &file; and &page;</text:p>"),
            "content.xml",
            external(path, url),
          ),
        ]),
      ),
  ),
  bomb(
    "external-entity.xlsx",
    "canaries: an entity that is a file, a DTD that is a page",
    REFUSED,
    ({ path, url }) =>
      archive(
        sheet('<row r="1"><c r="A1" t="inlineStr"><is><t>read</t></is></c></row>', [
          xml(
            "xl/sharedStrings.xml",
            '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>&file;&page;</t></si></sst>',
            external(path, url),
          ),
        ]),
      ),
  ),
];

function external(path: string, url: string): string {
  return `<!DOCTYPE r SYSTEM "${url}/dtd" [<!ENTITY file SYSTEM "file://${path}"><!ENTITY page SYSTEM "${url}/entity"><!ENTITY % more SYSTEM "${url}/parameter"> %more;]>`;
}

/** One part of these, with a document type before its root. */
function withDoctype(parts: ReturnType<typeof book>, name: string, doctype: string) {
  const part = parts.find((candidate) => candidate.name === name);
  return { name, content: String(part?.content).replace("?>\n", `?>\n${doctype}`) };
}
