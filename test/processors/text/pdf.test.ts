import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readPdf } from "../../../processors/text/pdf.ts";
import { SILENT } from "../../../src/domain/ports/logger.ts";
import { pdf } from "../../fixtures/pdf.ts";
import { inputOf } from "../formats/input.ts";

const FIXTURES = join(import.meta.dirname, "..", "..", "fixtures");
const fixture = (name: string) => readFileSync(join(FIXTURES, name));

const read = (bytes: Uint8Array, maxTextBytes = 1 << 20) => {
  const signal = new AbortController().signal;
  return readPdf(inputOf(bytes, "application/pdf"), { signal, maxTextBytes, logger: SILENT });
};
/** Lines of text, each with its place on the page. */
const show = (...lines: readonly (readonly [number, number, string])[]) =>
  lines.map(([x, y, text]) => `BT /F 10 Tf ${x} ${y} Td (${text}) Tj ET`).join("\n");

it("readPdf() reads text that runs from right to left, with numbers in it", async () => {
  expect((await read(fixture("right-to-left.pdf"))).text).toBe(
    "ذهبنا مساء أمس إلى شاطئ البحر.\n\nהלכנו יחד אל חוף הים בשנת 2026.",
  );
});

it("readPdf() reads one column after the other, as they are drawn", async () => {
  const columns = show(
    [50, 700, "Left one"],
    [50, 688, "left two."],
    [50, 664, "Left three."],
    [300, 700, "Right one"],
    [300, 688, "right two."],
  );
  expect((await read(pdf([columns]))).text).toBe(
    "Left one\nleft two.\n\nLeft three.\n\nRight one\nright two.",
  );
});

it.each([
  [12, "One\ntwo"],
  [30, "One\n\ntwo"],
])("readPdf() tells lines %i points apart from paragraphs where there are two", async (drop, text) => {
  expect((await read(pdf([show([50, 700, "One"], [50, 700 - drop, "two"])]))).text).toBe(text);
});

it.each([
  [
    "a PDF behind other bytes",
    Buffer.concat([Buffer.from("HTTP/1.1 200 OK\r\n\r\n"), pdf([show([9, 9, "x"])])]),
  ],
  ["a PDF before other bytes", Buffer.concat([pdf([show([9, 9, "x"])]), Buffer.from("<html>\n")])],
])("readPdf() reads %s", async (_, bytes) => {
  expect((await read(bytes)).text).toBe("x");
});

it("readPdf() parses no page beyond the limit", async () => {
  const good = pdf(Array<string>(4).fill(show([9, 9, "0123456789"]))).toString("latin1");
  const bytes = Buffer.from(
    good.replace("9 0 obj\n<< /Type /Page", "9 0 obj\n12 /Type /Page"),
    "latin1",
  );
  await expect(read(bytes)).rejects.toMatchObject({ code: "document_unreadable" });
  expect(await read(bytes, 8)).toMatchObject({ text: "01234567", facts: { truncated: true } });
});

it.each([
  ["encrypted.pdf", "document_encrypted"],
  ["truncated.pdf", "document_unreadable"],
  ["images-only.pdf", "document_has_no_text"],
  ["no-pdf.pdf", "document_unreadable"],
  ["minutes.docx", "document_unreadable"],
])("readPdf() gives %s a reason of its own", async (name, code) => {
  await expect(read(fixture(name))).rejects.toMatchObject({ code, retryable: false });
});

it("readPdf() gives a document without pages a reason of its own", async () => {
  await expect(read(pdf([]))).rejects.toMatchObject({ code: "document_has_no_pages" });
});
