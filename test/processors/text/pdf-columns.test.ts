import { expect, it } from "vitest";
import { splitColumns } from "../../../processors/text/pdf-columns.ts";
import { joinLines, linesOf } from "../../../processors/text/pdf-lines.ts";
import { type Shown, show, textOf } from "./read-pdf.ts";

const ROWS = 8;

/** Rows of cells, each of which begins at its own place. */
function rows(xs: readonly number[], cell: (row: number, column: number) => string): Shown[] {
  return Array.from({ length: ROWS }, (_, row) =>
    xs
      .map((x, column): Shown => [x, 700 - 12 * row, cell(row, column)])
      .filter(([, , text]) => text !== ""),
  ).flat();
}

function column(cell: (row: number) => string, length = ROWS): string {
  return Array.from({ length }, (_, row) => cell(row)).join("\n");
}

const NAMES = ["Left", "Middle", "Right"];
const prose = (row: number, at: number) => `${NAMES[at]} line number ${row} of it`;

it.each([
  ["two columns", [50, 300]],
  ["three columns", [50, 210, 400]],
])("readPdf() reads %s that are drawn row by row", async (_, xs) => {
  const columns = xs.map((_, at) => column((row) => prose(row, at)));
  expect(await textOf(show(...rows(xs, prose)))).toBe(columns.join("\n\n"));
});

it("readPdf() reads columns that are drawn row by row from the right, word by word", async () => {
  const words = rows([300, 50], (row, at) => prose(row, 1 - at));
  const columns = [0, 1].map((at) => column((row) => prose(row, at)));
  expect(await textOf(show(...words))).toBe(columns.join("\n\n"));
});

it("readPdf() reads columns of unequal length between a title and a footer", async () => {
  const title = "A title that is as wide as both of the columns";
  const cell = (row: number, at: number) => (at === 1 && row > 5 ? "" : prose(row, at));
  const page = [[50, 712, title, 14], ...rows([50, 300], cell), [50, 580, title]] as Shown[];
  const left = column((row) => prose(row, 0));
  const right = column((row) => prose(row, 1), 6);
  expect(await textOf(show(...page))).toBe(`${title}\n${left}\n\n${right}\n\n${title}`);
});

it.each([
  ["with short cells", (row: number, at: number) => `${NAMES[at]} ${row}`],
  ["of numbers", (row: number) => `12 ${row}00 000 7 11`],
  ["with cells of all lengths", (row: number, at: number) => "a b c ".repeat(row % 3 ? 1 : 6) + at],
])("readPdf() reads a table %s row by row", async (_, cell) => {
  const lines = column((row) => `${cell(row, 0)} ${cell(row, 1)}`);
  expect(await textOf(show(...rows([50, 300], cell)))).toBe(lines);
});

it("readPdf() reads few lines with a gap in them as lines", async () => {
  const few = rows([50, 300], prose).filter(([, y]) => y > 660);
  expect(await textOf(show(...few))).toMatch(/^Left.*Middle.*\nLeft/);
});

it("readPdf() reads lines whose gaps do not line up as lines", async () => {
  const cell = (row: number, at: number) => prose(row, at) + (row % 2 && !at ? ", and more" : "");
  const shifted = rows([50, 200], cell).map(
    ([x, y, text]): Shown => [x === 200 && ((700 - y) / 12) % 2 ? 300 : x, y, text],
  );
  expect(await textOf(show(...shifted))).toMatch(/^Left.*Middle.*\nLeft/);
});

it.each([
  ["of a script without spaces", "ltr", "\u6771\u4EAC\u6E2F\u306E\u6C34\u6DF1", [0, 1]],
  [
    "of a script that is read from the right",
    "rtl",
    "\u05D9\u05DD \u05E2\u05DE\u05D5\u05E7 \u05DB\u05D0\u05DF",
    [1, 0],
  ],
])("splitColumns() takes columns %s apart", (_, dir, text, order) => {
  const items = Array.from({ length: 2 * ROWS }, (_, i) => ({
    str: `${text}${i % 2}`,
    dir,
    width: 100,
    height: 10,
    transform: [10, 0, 0, 10, i % 2 ? 300 : 50, 700 - 12 * Math.floor(i / 2)],
    fontName: "F",
    hasEOL: i % 2 === 1,
  }));
  const columns = order.map((at) => column(() => `${text}${at}`));
  expect(joinLines(splitColumns(linesOf(items)))).toBe(columns.join("\n\n"));
});
