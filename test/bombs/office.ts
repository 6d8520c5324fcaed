import type { ZipPart } from "../fixtures/zip-writer.ts";

const PACKAGE = "http://schemas.openxmlformats.org/package/2006";
const OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const FORMATS = "application/vnd.openxmlformats-officedocument";
export const W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"';
const R = `xmlns:r="${OFFICE}"`;

/** A relationship of an Office Open XML part. */
export interface Relation {
  readonly type: string;
  readonly target: string;
  readonly external?: boolean;
}

/** Parts that are added, or take the place of those of the same name. */
export type Changes = readonly ZipPart[];

/** The parts of a Word document. */
export function word(document: string, changes: Changes = [], relations: readonly Relation[] = []) {
  const styles = `<w:styles ${W}/>`;
  return changed(
    [
      types("word/document.xml", "wordprocessingml.document"),
      rels("", [{ type: "officeDocument", target: "word/document.xml" }]),
      rels("word/document.xml", [{ type: "styles", target: "styles.xml" }, ...relations]),
      xml("word/styles.xml", styles),
      xml("word/document.xml", wordDocument(document)),
    ],
    changes,
  );
}

export const wordDocument = (body: string) =>
  `<w:document ${W} ${R}><w:body>${body}</w:body></w:document>`;

export const paragraph = (text: string) => `<w:p><w:r><w:t>${text}</w:t></w:r></w:p>`;

/** The parts of a workbook with one sheet. */
export function sheet(rows: string, changes: Changes = [], relations: readonly Relation[] = []) {
  const main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
  return changed(
    [
      types("xl/workbook.xml", "spreadsheetml.sheet", {
        "xl/worksheets/sheet1.xml": "spreadsheetml.worksheet",
        "xl/sharedStrings.xml": "spreadsheetml.sharedStrings",
      }),
      rels("", [{ type: "officeDocument", target: "xl/workbook.xml" }]),
      rels("xl/workbook.xml", [
        { type: "worksheet", target: "worksheets/sheet1.xml" },
        { type: "sharedStrings", target: "sharedStrings.xml" },
        ...relations,
      ]),
      xml(
        "xl/workbook.xml",
        `<workbook xmlns="${main}" ${R}><sheets><sheet name="One" sheetId="1" r:id="rId1"/></sheets></workbook>`,
      ),
      xml(
        "xl/worksheets/sheet1.xml",
        `<worksheet xmlns="${main}"><sheetData>${rows}</sheetData></worksheet>`,
      ),
      xml("xl/sharedStrings.xml", `<sst xmlns="${main}"><si><t>shared</t></si></sst>`),
    ],
    changes,
  );
}

/** The parts of a presentation whose slides all are the same part. */
export function slides(
  shapes: string,
  changes: Changes = [],
  count = 1,
  relations: readonly Relation[] = [],
) {
  const p = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"';
  const ids = Array.from(
    { length: count },
    (_, i) => `<p:sldId id="${256 + i}" r:id="rId${i + 1}"/>`,
  );
  return changed(
    [
      types("ppt/presentation.xml", "presentationml.presentation", {
        "ppt/slides/slide1.xml": "presentationml.slide",
      }),
      rels("", [{ type: "officeDocument", target: "ppt/presentation.xml" }]),
      rels(
        "ppt/presentation.xml",
        ids.map(() => ({ type: "slide", target: "slides/slide1.xml" })),
      ),
      rels("ppt/slides/slide1.xml", relations),
      xml(
        "ppt/presentation.xml",
        `<p:presentation ${p} ${R}><p:sldIdLst>${ids.join("")}</p:sldIdLst></p:presentation>`,
      ),
      xml(
        "ppt/slides/slide1.xml",
        `<p:sld ${p} ${R} xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><p:cSld><p:spTree>${shapes}</p:spTree></p:cSld></p:sld>`,
      ),
    ],
    changes,
  );
}

export const shape = (text: string) =>
  `<p:sp><p:txBody><a:p><a:r><a:t>${text}</a:t></a:r></a:p></p:txBody></p:sp>`;

/** The parts of a text document of OpenDocument. */
export function openText(body: string, changes: Changes = []) {
  const ns = "urn:oasis:names:tc:opendocument:xmlns";
  const mimetype = "application/vnd.oasis.opendocument.text";
  return changed(
    [
      { name: "mimetype", content: mimetype, stored: true },
      xml(
        "META-INF/manifest.xml",
        `<manifest:manifest xmlns:manifest="${ns}:manifest:1.0"><manifest:file-entry manifest:full-path="/" manifest:media-type="${mimetype}"/><manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>`,
      ),
      xml(
        "content.xml",
        `<office:document-content xmlns:office="${ns}:office:1.0" xmlns:text="${ns}:text:1.0" xmlns:draw="${ns}:drawing:1.0" xmlns:xlink="http://www.w3.org/1999/xlink"><office:body><office:text>${body}</office:text></office:body></office:document-content>`,
      ),
    ],
    changes,
  );
}

/** The parts of a book; `chapters` are read in this order, by name. */
export function book(chapter: string, changes: Changes = [], spine: readonly string[] = ["one"]) {
  return changed(
    [
      { name: "mimetype", content: "application/epub+zip", stored: true },
      xml(
        "META-INF/container.xml",
        '<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>',
      ),
      xml(
        "book.opf",
        `<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Book</dc:title></metadata><manifest><item id="one" href="one.xhtml" media-type="application/xhtml+xml"/></manifest><spine>${spine.map((id) => `<itemref idref="${id}"/>`).join("")}</spine></package>`,
      ),
      xml("one.xhtml", `<html xmlns="http://www.w3.org/1999/xhtml"><body>${chapter}</body></html>`),
    ],
    changes,
  );
}

/** A part of XML; `doctype` comes between declaration and root. */
export function xml(name: string, root: string, doctype = ""): ZipPart {
  return { name, content: `<?xml version="1.0" encoding="UTF-8"?>\n${doctype}${root}` };
}

function changed(parts: readonly ZipPart[], changes: Changes): ZipPart[] {
  const names = new Set(changes.map(({ name }) => String(name)));
  return [...parts.filter(({ name }) => !names.has(String(name))), ...changes];
}

function types(
  main: string,
  format: string,
  others: Readonly<Record<string, string>> = {},
): ZipPart {
  const all = { [main]: `${format}.main`, ...others };
  const overrides = Object.entries(all).map(
    ([name, type]) => `<Override PartName="/${name}" ContentType="${FORMATS}.${type}+xml"/>`,
  );
  return xml(
    "[Content_Types].xml",
    `<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>${overrides.join("")}</Types>`,
  );
}

/** The relationships of a part; of the package itself for an empty name. */
function rels(part: string, relations: readonly Relation[]): ZipPart {
  const slash = part.lastIndexOf("/") + 1;
  const items = relations.map(
    ({ type, target, external }, i) =>
      `<Relationship Id="rId${i + 1}" Type="${OFFICE}/${type}" Target="${target}"${external ? ' TargetMode="External"' : ""}/>`,
  );
  return xml(
    `${part.slice(0, slash)}_rels/${part.slice(slash)}.rels`,
    `<Relationships xmlns="${PACKAGE}/relationships">${items.join("")}</Relationships>`,
  );
}
