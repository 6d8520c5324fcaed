import { zip } from "../../fixtures/zip-writer.ts";

const PACKAGE = "http://schemas.openxmlformats.org/package/2006";
const OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006";
const ODF = "urn:oasis:names:tc:opendocument:xmlns";

/** An Office Open XML package: its main part, and what its two properties parts hold. */
export function office(main: string, markup: string, core: string, extended: string): Buffer {
  const relations = [
    [`${OFFICE}/relationships/officeDocument`, `/${main}`],
    [`${PACKAGE}/relationships/metadata/core-properties`, "docProps/core.xml"],
    [`${OFFICE}/relationships/extended-properties`, "docProps/app.xml"],
  ];
  return zip({
    "[Content_Types].xml": `<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`,
    "_rels/.rels": `<Relationships xmlns="${PACKAGE}/relationships">${relations
      .map(([type, target], i) => `<Relationship Id="r${i}" Type="${type}" Target="${target}"/>`)
      .join("")}</Relationships>`,
    "docProps/core.xml": `<?xml version="1.0" encoding="UTF-8"?><c:coreProperties xmlns:c="${PACKAGE}/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:t="http://purl.org/dc/terms/">${core}</c:coreProperties>`,
    "docProps/app.xml": `<Properties xmlns="${OFFICE}/extended-properties">${extended}</Properties>`,
    [main]: markup,
  });
}

export function word(body: string, core: string, extended: string): Buffer {
  const w = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
  const markup = `<w:document xmlns:w="${w}"><w:body><w:p><w:r><w:t>${body}</w:t></w:r></w:p></w:body></w:document>`;
  return office("word/document.xml", markup, core, extended);
}

/** An OpenDocument file: what its `meta.xml` and its manifest hold. */
export function openDocument(meta: string, manifest = ""): Buffer {
  return zip({
    mimetype: "application/vnd.oasis.opendocument.text",
    "META-INF/manifest.xml": `<m:manifest xmlns:m="${ODF}:manifest:1.0">${manifest}</m:manifest>`,
    "content.xml": `<o:document-content xmlns:o="${ODF}:office:1.0"><o:body/></o:document-content>`,
    "meta.xml": `<office:document-meta xmlns:office="${ODF}:office:1.0" xmlns:meta="${ODF}:meta:1.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><office:meta>${meta}</office:meta></office:document-meta>`,
  });
}

/** An e-book: what the metadata of its package document hold. */
export function epub(metadata: string): Buffer {
  return zip({
    mimetype: "application/epub+zip",
    "META-INF/container.xml":
      '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="book/package.opf" media-type="application/oebps-package+xml"/></rootfiles></container>',
    "book/package.opf": `<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">${metadata}</metadata><manifest/><spine/></package>`,
  });
}
