import { docx, p, table } from "../../test/fixtures/docx.ts";
import { Prose } from "./prose.ts";
import { reportPdf } from "./report-pdf.ts";

export interface BenchDocument {
  readonly bytes: Uint8Array;
  readonly contentType: string;
  readonly extension: string;
  /** For a DOCX, which has no pages, as many as its text fills. */
  readonly pages: number;
  /** The last word of the text, which shows that all of it was read. */
  readonly ending: string;
}

/** Documents of one kind and length. */
export interface Sort {
  readonly title: string;
  readonly format: "pdf" | "docx";
  readonly pages: number;
  /** How many different ones. */
  readonly variety: number;
  /** How many are read in a round. */
  readonly count: number;
}

export const SORTS: readonly Sort[] = [
  { title: "PDF of 1 page", format: "pdf", pages: 1, variety: 10, count: 100 },
  { title: "PDF of 10 pages", format: "pdf", pages: 10, variety: 5, count: 20 },
  { title: "PDF of 200 pages", format: "pdf", pages: 200, variety: 1, count: 1 },
  { title: "DOCX of 1 page", format: "docx", pages: 1, variety: 10, count: 100 },
  { title: "DOCX of 20 pages", format: "docx", pages: 20, variety: 2, count: 10 },
];

/** The documents of a sort: always the same bytes. */
export function makeDocuments({ format, pages, variety }: Sort): BenchDocument[] {
  return Array.from({ length: variety }, (_, i) => {
    const prose = new Prose(1 + 1000 * pages + i);
    const ending = `colophon${pages}x${i}`;
    const common = { pages, ending };
    return format === "pdf"
      ? {
          ...common,
          bytes: reportPdf(pages, ending, prose),
          contentType: "application/pdf",
          extension: ".pdf",
        }
      : {
          ...common,
          bytes: reportDocx(pages, ending, prose),
          contentType: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
          extension: ".docx",
        };
  });
}

/** What Word keeps of a report: runs cut by edits and by the spelling checker, lists, tables. */
function reportDocx(pages: number, ending: string, prose: Prose): Buffer {
  const blocks: string[] = [];
  for (let page = 0; page < pages; page += 1) {
    blocks.push(p(prose.phrase(3, 6), "Heading1"));
    for (let i = 0; i < 5; i += 1) blocks.push(edited(prose.paragraph(), prose));
    for (let i = 0; i < 4; i += 1) blocks.push(listed(prose.sentence()));
    blocks.push(
      table(
        Array.from({ length: 6 }, () => [
          prose.phrase(1, 3),
          prose.word(),
          `${prose.between(100, 99999)}.00`,
        ]),
      ),
    );
  }
  return docx(blocks.join("") + p(ending));
}

function edited(text: string, prose: Prose): string {
  const runs = text.split(/(?<=[.,] )/).map((piece) => {
    const look = prose.random() < 0.2 ? '<w:rPr><w:i/><w:lang w:val="en-GB"/></w:rPr>' : "";
    return `<w:r w:rsidR="00A1${prose.between(1000, 9999)}">${look}<w:t xml:space="preserve">${piece}</w:t></w:r><w:proofErr w:type="spellEnd"/>`;
  });
  return `<w:p w:rsidRDefault="00B2${prose.between(1000, 9999)}"><w:pPr><w:jc w:val="both"/></w:pPr>${runs.join("")}</w:p>`;
}

function listed(text: string): string {
  const numbering = '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>';
  return `<w:p><w:pPr>${numbering}</w:pPr><w:r><w:t xml:space="preserve">${text}</w:t></w:r></w:p>`;
}
