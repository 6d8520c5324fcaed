import { deflateSync } from "node:zlib";
import { deflatedRepeat } from "./zip-parts.ts";

/** Objects by number, from 1; what is inside `obj` and `endobj`. ISO 32000-1, 7.3.10. */
export type PdfObjects = readonly (string | Uint8Array)[];

/** A PDF of these objects; the first is its catalog. `trailer` is added to its trailer. */
export function pdfOf(objects: PdfObjects, trailer = ""): Buffer {
  const pieces: Buffer[] = [Buffer.from("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "latin1")];
  const entries: string[] = [];
  let at = pieces[0]?.length ?? 0;
  for (const [i, object] of objects.entries()) {
    entries.push(`${String(at).padStart(10, "0")} 00000 n \n`);
    const piece = [
      Buffer.from(`${i + 1} 0 obj\n`),
      Buffer.from(object as string),
      Buffer.from("\nendobj\n"),
    ];
    pieces.push(...piece);
    at += piece.reduce((sum, { length }) => sum + length, 0);
  }
  const size = objects.length + 1;
  const table = `xref\n0 ${size}\n0000000000 65535 f \n${entries.join("")}`;
  const end = `trailer\n<< /Size ${size} /Root 1 0 R ${trailer} >>\nstartxref\n${at}\n%%EOF\n`;
  return Buffer.concat([...pieces, Buffer.from(table + end)]);
}

/** A stream, compressed as far as `dictionary` does not say how it is. 7.3.8. */
export function pdfStream(content: string | Uint8Array, dictionary = "", plain = false): Buffer {
  const bytes = plain ? Buffer.from(content as string) : deflateSync(content);
  const filter = plain ? "" : "/Filter /FlateDecode";
  const length = dictionary.includes("/Length") ? "" : `/Length ${bytes.length}`;
  return Buffer.concat([
    Buffer.from(`<< ${dictionary} ${filter} ${length} >>\nstream\n`),
    bytes,
    Buffer.from("\nendstream"),
  ]);
}

/** A compressed stream of `piece` so many times. Its checksum is left out, which readers do not miss. */
export function hugeStream(piece: string, times: number, dictionary = ""): Buffer {
  const deflated = Buffer.concat([
    Buffer.from([0x78, 0x9c]),
    deflatedRepeat("", piece, times, "").deflated,
  ]);
  return pdfStream(deflated, `${dictionary} /Filter /FlateDecode`, true);
}

/** Catalog, pages and one page; objects 4 and on are the caller's, of which 4 is what the page draws. */
export function onePage(
  rest: PdfObjects,
  changes: { catalog?: string; page?: string } = {},
): PdfObjects {
  return [
    `<< /Type /Catalog /Pages 2 0 R ${changes.catalog ?? ""} >>`,
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R ${changes.page ?? `/Resources << /Font << /F ${FONT} >> >>`} >>`,
    ...rest,
  ];
}

export const FONT =
  "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>";

/** Operators that show a line. */
export const show = (text: string) => `BT /F 12 Tf 50 700 Td (${text}) Tj ET`;
