import { expect, it } from "vitest";
import { pdfOf } from "../../fixtures/pdf.ts";
import { read } from "./read-pdf.ts";

const CONTENT = "BT /F 9 Tf 9 9 Td (x) Tj ET";

function manyPages(pages: number): Buffer {
  return pdfOf([
    "<< /Type /Catalog /Pages 2 0 R >>",
    `<< /Type /Pages /Count ${pages} /Kids [${"3 0 R ".repeat(pages)}] >>`,
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
    `<< /Length ${CONTENT.length} >>\nstream\n${CONTENT}\nendstream`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  ]);
}

it.each([
  [10_000, false],
  [10_001, true],
])("readPdf() reads ten thousand pages of %i", { timeout: 120_000 }, async (pages, truncated) => {
  const words = 10_000;
  expect(await read(manyPages(pages))).toMatchObject({ pages, facts: { words, truncated } });
});
