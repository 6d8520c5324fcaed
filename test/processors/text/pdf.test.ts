import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { pdf } from "../../fixtures/pdf.ts";
import { read, show, textOf } from "./read-pdf.ts";

const FIXTURES = join(import.meta.dirname, "..", "..", "fixtures");
const fixture = (name: string) => readFileSync(join(FIXTURES, name));

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
])("readPdf() distinguishes lines %i points apart from paragraphs where there are two", async (drop, text) => {
  expect((await read(pdf([show([50, 700, "One"], [50, 700 - drop, "two"])]))).text).toBe(text);
});

it.each([
  ["raised", [92, 704.5, "2", 6], [97, 700, "of it"], "Area: 5 m2 of it"],
  ["raised by much", [90, 707, "2", 6], [97, 700, "of it"], "Area: 5 m2 of it"],
  ["lowered", [91.5, 697, "max", 6], [105, 700, "of it"], "Area: 5 mmax of it"],
  ["raised at the end", [92, 704.5, "2", 6], [50, 688, "of it"], "Area: 5 m2\nof it"],
] as const)("readPdf() leaves small letters that are %s in their line", async (_, small, next, text) => {
  expect(await textOf(show([50, 700, "Area: 5 m"], small, next))).toBe(text);
});

it("readPdf() leaves a raised number in the line that begins with it", async () => {
  const note = show([50, 704.5, "1", 6], [53.5, 700, "A note"], [50, 688, "of two lines"]);
  expect(await textOf(note)).toBe("1A note\nof two lines");
});

it.each([
  ["to the left", [0, 1, -1, 0], (down: number) => [100 + down, 100]],
  ["upside down", [-1, 0, 0, -1], (down: number) => [500, 100 + down]],
  ["to the right", [0, -1, 1, 0], (down: number) => [400 - down, 600]],
  ["askew", [0.8, 0.6, -0.6, 0.8], (down: number) => [100 + 0.6 * down, 400 - 0.8 * down]],
] as const)("readPdf() finds the paragraphs of text that is turned %s", async (_, turn, at) => {
  const lines = [0, 12, 24, 48, 60].map((down, i) => {
    const [x = 0, y = 0] = at(down);
    return [x, y, `Line ${i}`, 10, turn] as const;
  });
  expect(await textOf(show(...lines))).toBe("Line 0\nLine 1\nLine 2\n\nLine 3\nLine 4");
});

it("readPdf() keeps text that is turned apart from the lines around it", async () => {
  const page = show([50, 500, "One"], [490, 99, "Stamp", 10, [0, -1, 1, 0]], [50, 480, "two"]);
  expect(await textOf(page)).toBe("One\n\nStamp\n\ntwo");
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
  ["truncated.pdf", "document_truncated"],
  ["images-only.pdf", "document_has_no_text"],
  ["no-pdf.pdf", "document_wrong_type"],
  ["minutes.docx", "document_wrong_type"],
])("readPdf() gives %s a reason of its own", async (name, code) => {
  await expect(read(fixture(name))).rejects.toMatchObject({ code, retryable: false });
});

it("readPdf() gives a document without pages a reason of its own", async () => {
  await expect(read(pdf([]))).rejects.toMatchObject({ code: "document_has_no_pages" });
});
