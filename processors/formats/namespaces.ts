const OOXML = "http://schemas.openxmlformats.org";
/** Strict Office Open XML (ISO/IEC 29500-1) has other names for the same namespaces. */
const STRICT = "http://purl.oclc.org/ooxml";
const ODF = "urn:oasis:names:tc:opendocument:xmlns";

/** The prefixes that our readers use, by the namespace that a document declares. */
export const PREFIXES: ReadonlyMap<string, string> = new Map([
  ...both("w", "wordprocessingml/2006/main", "wordprocessingml/main"),
  ...both("x", "spreadsheetml/2006/main", "spreadsheetml/main"),
  ...both("p", "presentationml/2006/main", "presentationml/main"),
  ...both("a", "drawingml/2006/main", "drawingml/main"),
  ...both("dgm", "drawingml/2006/diagram", "drawingml/diagram"),
  ...both("m", "officeDocument/2006/math", "officeDocument/math"),
  ...both("r", "officeDocument/2006/relationships", "officeDocument/relationships"),
  ...both("ep", "officeDocument/2006/extended-properties", "officeDocument/extendedProperties"),
  [`${OOXML}/package/2006/relationships`, "rel"],
  [`${OOXML}/package/2006/content-types`, "ct"],
  [`${OOXML}/package/2006/metadata/core-properties`, "cp"],
  [`${OOXML}/markup-compatibility/2006`, "mc"],
  [`${ODF}:office:1.0`, "office"],
  [`${ODF}:text:1.0`, "text"],
  [`${ODF}:table:1.0`, "table"],
  [`${ODF}:drawing:1.0`, "draw"],
  [`${ODF}:presentation:1.0`, "presentation"],
  [`${ODF}:style:1.0`, "style"],
  [`${ODF}:meta:1.0`, "meta"],
  [`${ODF}:manifest:1.0`, "manifest"],
  [`${ODF}:svg-compatible:1.0`, "svg"],
  [`${ODF}:container`, "container"],
  ["http://www.idpf.org/2007/opf", "opf"],
  ["http://www.w3.org/2001/04/xmlenc#", "enc"],
  ["http://www.w3.org/1999/xhtml", "html"],
  ["http://www.w3.org/1999/xlink", "xlink"],
  ["http://purl.org/dc/elements/1.1/", "dc"],
  ["http://purl.org/dc/terms/", "dcterms"],
]);

function both(prefix: string, transitional: string, strict: string): [string, string][] {
  return [
    [`${OOXML}/${transitional}`, prefix],
    [`${STRICT}/${strict}`, prefix],
  ];
}
