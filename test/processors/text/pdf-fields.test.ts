import { expect, it } from "vitest";
import { pdfOf } from "../../fixtures/pdf.ts";
import { read, type Shown, show } from "./read-pdf.ts";

const LABELS: readonly Shown[] = [
  [50, 700, "Name:"],
  [300, 700, "Place:"],
  [50, 680, "Notes:"],
  [50, 600, "Signed by hand"],
];
const NAME = "/Subtype /Widget /FT /Tx /T (name) /Rect [90 695 280 712]";
const PLACE =
  "/Subtype /Widget /FT /Ch /T (place) /Rect [340 695 540 712] /Opt [[(osl) (Oslo)] (Bergen)]";
const NOTES = "/Subtype /Widget /FT /Tx /Ff 4096 /T (notes) /Rect [50 620 540 675]";
const APPEARANCE = "/AP << /N 6 0 R >>";

function form(annotations: readonly string[], lines = LABELS, page = ""): Buffer {
  const stream = (content: string, dictionary = "") =>
    `<< ${dictionary} /Length ${content.length} >>\nstream\n${content}\nendstream`;
  const font = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>";
  const ids = annotations.map((_, i) => `${7 + i} 0 R`).join(" ");
  return pdfOf([
    `<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [${ids}] /DA (/F 10 Tf) >> >>`,
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R ${page}
      /Resources << /Font << /F 5 0 R >> >> /Annots [${ids}] >>`,
    stream(show(...lines)),
    font,
    stream(
      "/Tx BMC q BT /F 10 Tf 2 5 Td (Ada) Tj ET Q EMC",
      "/Type /XObject /Subtype /Form /BBox [0 0 190 17] /Resources << /Font << /F 5 0 R >> >>",
    ),
    ...annotations.map((annotation) => `<< /Type /Annot ${annotation} >>`),
  ]);
}

it.each([
  ["without an appearance", `${NAME} /V (Ada)`],
  ["with an appearance", `${NAME} /V (Ada) ${APPEARANCE}`],
  ["in UTF-16", `${NAME} /V <FEFF004100640061>`],
])("readPdf() puts the value of a field %s behind its label", async (_, field) => {
  const { text } = await read(form([field]));
  expect(text).toBe("Name: Ada Place:\nNotes:\n\nSigned by hand");
});

it("readPdf() reads choices by the names that are shown, and several lines below their label", async () => {
  const notes = `${NOTES} /V (One\\rtwo\\n\\nthree)`;
  const { text } = await read(form([notes, `${PLACE} /V (osl)`, `${NAME} /V (Ada)`]));
  expect(text).toBe("Name: Ada Place: Oslo\n\nNotes:\nOne\ntwo\nthree\n\nSigned by hand");
});

it("readPdf() reads notes that are written on the page, where they are", async () => {
  const note = "/Subtype /FreeText /Contents (Paid in full) /Rect [50 640 200 655]";
  expect((await read(form([note]))).text).toBe(
    "Name: Place:\nNotes:\n\nPaid in full\n\nSigned by hand",
  );
});

it("readPdf() reads a form with nothing but values", async () => {
  const { text } = await read(form([`${PLACE} /V [(osl) (Bergen)]`, `${NAME} /V (Ada)`], []));
  expect(text).toBe("Oslo\nBergen\n\nAda");
});

it("readPdf() finds the label of a field on a page that is turned", async () => {
  const lines: Shown[] = [[300, 50, "Name:", 10, [0, 1, -1, 0]]];
  const field = "/Subtype /Widget /FT /Tx /T (name) /V (Ada) /Rect [288 90 305 280]";
  expect((await read(form([field], lines, "/Rotate 90"))).text).toBe("Name: Ada");
});

it.each([
  ["a hidden field", `${NAME} /V (Ada) /F 2`],
  ["a field that is not to be viewed", `${NAME} /V (Ada) /F 32`],
  ["a password", `${NAME} /V (Ada) /Ff 8192`],
  ["an empty field", `${NAME} /V ( )`],
  ["a button", `${NAME.replace("/Tx", "/Btn")} /V /Ada`],
  ["a remark in a window of its own", "/Subtype /Text /Contents (Ada) /Rect [9 9 20 20]"],
  ["a field that is none", "/Subtype /Widget /FT 12 /V << /V 7 0 R >> /Rect (Ada) /Parent 7 0 R"],
])("readPdf() leaves %s out", async (_, field) => {
  expect((await read(form([field]))).text).toBe("Name: Place:\nNotes:\n\nSigned by hand");
});

it("readPdf() reads no more than a thousand fields of a page", async () => {
  const fields = Array.from({ length: 1_001 }, (_, i) => `${NAME}${i} /V (${i})`);
  const { text } = await read(form(fields, []));
  expect(text.split(/\n+/)).toHaveLength(1_000);
});
