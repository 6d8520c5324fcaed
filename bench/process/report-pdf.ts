import { PdfWriter } from "../../test/fixtures/pdf-writer.ts";
import { GLYPHS, glyphOf, trueType, widthOf } from "./font.ts";
import type { Prose } from "./prose.ts";

const PAGES_PER_NODE = 20;
const LINE_WIDTH = 483;

/**
 * A report on A4 as a word processor or browser sets it: two embedded TrueType fonts with two-byte glyphs and
 * a map back to Unicode, two of the standard fonts, justified and kerned lines, a table on each page.
 *
 * @param ending A word that only its last page has.
 */
export function reportPdf(pages: number, ending: string, prose: Prose): Buffer {
  const writer = new PdfWriter({ objectStreams: true });
  const fonts = [
    `/B ${embeddedFont(writer, "AAAAAA+Regular", prose)} 0 R`,
    `/H ${embeddedFont(writer, "AAAAAB+Bold", prose)} 0 R`,
    `/T ${standardFont(writer, "Helvetica")} 0 R`,
    `/I ${standardFont(writer, "Times-Italic")} 0 R`,
  ];
  const resources = writer.object(`<< /Font << ${fonts.join(" ")} >> /ProcSet [/PDF /Text] >>`);
  const root = writer.reserve();
  const nodes: number[] = [];
  for (let first = 0; first < pages; first += PAGES_PER_NODE) {
    const node = writer.reserve();
    const kids: string[] = [];
    for (let page = first; page < Math.min(pages, first + PAGES_PER_NODE); page += 1) {
      const content = writer.stream(pageContent(page, page === pages - 1 ? ending : "", prose));
      const id = writer.object(
        `<< /Type /Page /Parent ${node} 0 R /MediaBox [0 0 595 842] /Contents ${content} 0 R /Resources ${resources} 0 R >>`,
      );
      kids.push(`${id} 0 R`);
    }
    const kidList = `/Kids [${kids.join(" ")}] /Count ${kids.length}`;
    nodes.push(writer.object(`<< /Type /Pages /Parent ${root} 0 R ${kidList} >>`, node));
  }
  const kids = nodes.map((node) => `${node} 0 R`).join(" ");
  writer.object(`<< /Type /Pages /Kids [${kids}] /Count ${pages} >>`, root);
  return writer.finish(writer.object(`<< /Type /Catalog /Pages ${root} 0 R >>`));
}

function standardFont(writer: PdfWriter, name: string): number {
  return writer.object(
    `<< /Type /Font /Subtype /Type1 /BaseFont /${name} /Encoding /WinAnsiEncoding >>`,
  );
}

function embeddedFont(writer: PdfWriter, name: string, prose: Prose): number {
  const file = trueType(prose);
  const stream = writer.stream(file, `/Length1 ${file.length}`);
  const descriptor = writer.object(
    `<< /Type /FontDescriptor /FontName /${name} /Flags 4 /FontBBox [0 -200 900 800] /ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight 720 /StemV 80 /FontFile2 ${stream} 0 R >>`,
  );
  const widths = GLYPHS.map(widthOf).join(" ");
  const descendant = writer.object(
    `<< /Type /Font /Subtype /CIDFontType2 /BaseFont /${name} /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /FontDescriptor ${descriptor} 0 R /CIDToGIDMap /Identity /DW 556 /W [0 [${widths}]] >>`,
  );
  const unicode = writer.stream(toUnicode());
  return writer.object(
    `<< /Type /Font /Subtype /Type0 /BaseFont /${name} /Encoding /Identity-H /DescendantFonts [${descendant} 0 R] /ToUnicode ${unicode} 0 R >>`,
  );
}

/** ISO 32000-1, 9.10.3. */
function toUnicode(): string {
  const pairs = GLYPHS.map(
    (character, glyph) => `<${hex(glyph)}> <${hex(character.charCodeAt(0))}>`,
  );
  return `/CIDInit /ProcSet findresource begin 12 dict begin begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def /CMapType 2 def
1 begincodespacerange <0000> <FFFF> endcodespacerange
${pairs.length} beginbfchar
${pairs.join("\n")}
endbfchar
endcmap CMapName currentdict /CMap defineresource pop end end`;
}

function pageContent(page: number, ending: string, prose: Prose): string {
  const out: string[] = [
    plain("I", 9, 56, 800, `Annual report ${prose.between(1990, 2026)}`),
    set("H", 15, 56, 765, prose.phrase(3, 6), prose),
  ];
  let top = 738;
  while (top > 230) {
    for (const line of wrapped(prose.paragraph(), 10.5)) {
      out.push(set("B", 10.5, 56, top, line, prose));
      top -= 14;
    }
    top -= 8;
  }
  for (let row = 0; row < 6; row += 1) {
    const cells = [prose.phrase(1, 3), prose.word(), `${prose.between(100, 99999)}.00`];
    for (const [column, cell] of cells.entries()) {
      out.push(plain("T", 9, 56 + 160 * column, top - 13 * row, cell));
    }
    out.push(`56 ${top - 13 * row - 3} m 540 ${top - 13 * row - 3} l S`);
  }
  out.push(plain("I", 9, 290, 40, `Page ${page + 1} ${ending}`));
  return out.join("\n");
}

function wrapped(text: string, size: number): string[] {
  const lines: string[] = [];
  let line = "";
  let width = 0;
  for (const word of text.split(" ")) {
    const added = ([...word].reduce((sum, one) => sum + widthOf(one), 278) * size) / 1000;
    if (width + added > LINE_WIDTH) {
      lines.push(line);
      line = "";
      width = 0;
    }
    line += line === "" ? word : ` ${word}`;
    width += added;
  }
  return [...lines, line];
}

/** A line in an embedded font, with the small corrections between letters that kerning makes. */
function set(font: string, size: number, x: number, y: number, line: string, prose: Prose): string {
  let array = "<";
  for (const character of line) {
    array += hex(glyphOf(character));
    if (prose.random() < 0.15) array += `>${prose.between(-20, 20)}<`;
  }
  return `BT /${font} ${size} Tf 1 0 0 1 ${x} ${y} Tm [${array}>] TJ ET`;
}

function plain(font: string, size: number, x: number, y: number, text: string): string {
  const bytes = Buffer.from(text.normalize("NFD").replace(/[^ -~]/g, ""), "latin1");
  const escaped = bytes.toString("latin1").replace(/[()\\]/g, "\\$&");
  return `BT /${font} ${size} Tf ${x} ${y} Td (${escaped}) Tj ET`;
}

function hex(value: number): string {
  return value.toString(16).padStart(4, "0");
}
