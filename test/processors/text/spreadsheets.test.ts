import { describe, expect, it } from "vitest";
import { dateKind, toIsoDate } from "../../../processors/text/spreadsheet-dates.ts";
import { openDocument, xlsx } from "../../fixtures/office.ts";
import { shelfOds, shelfXlsx } from "../../fixtures/shelf.ts";
import { process, SHELF, textOf } from "./read.ts";

it.each([
  ["xlsx", shelfXlsx] as const,
  ["ods", shelfOds] as const,
])("the text of %s is its sheets in order, rows as lines, values as stored", async (type, make) => {
  expect(await textOf(type, make())).toBe(SHELF);
});

describe("the text of an XLSX", () => {
  it.each([
    ["cells without references", "<row><c><v>1</v></c><c/><c><v>3</v></c></row>", "1\t\t3"],
    [
      "errors and results of formulas",
      '<row><c t="e"><v>#REF!</v></c><c t="str"><f>A1</f><v>a</v></c></row>',
      "#REF!\ta",
    ],
    [
      "a string that is not there",
      '<row><c t="s"><v>9</v></c><c t="s"><v>-1</v></c><c><v>1</v></c></row>',
      "\t\t1",
    ],
    [
      "a cell beyond the last column",
      '<row><c r="XFD1048576"><v>1</v></c></row>',
      `${"\t".repeat(64)}1`,
    ],
    [
      "references that make no sense",
      '<row><c r="9"><v>1</v></c><c r="B1"><v>2</v></c><c r="A1"><v>3</v></c></row>',
      "1\t2\t3",
    ],
  ])("has %s", async (_, rows, expected) => {
    const found = await textOf("xlsx", xlsx({ S: `<row><c t="str"><v>.</v></c></row>${rows}` }));
    expect(found).toBe(`S\n.\n${expected}`);
  });

  it("is cut, and says so, long before a large sheet ends", async () => {
    const rows = Array.from({ length: 50_000 }, (_, i) => `<row><c><v>${i}</v></c></row>`);
    const found = await process("xlsx", xlsx({ S: rows.join("") }), 1000);
    expect(found.output).toMatchObject({ characters: 1000, truncated: true });
  });
});

it("the text of an ODS has repeated cells and rows as often as they are shown", async () => {
  const row = (repeats: number, cells: string) =>
    `<table:table-row table:number-rows-repeated="${repeats}">${cells}</table:table-row>`;
  const cell = (text: string, repeats: number) =>
    `<table:table-cell table:number-columns-repeated="${repeats}"><text:p>${text}</text:p></table:table-cell>`;
  const sheet = `<office:spreadsheet><table:table table:name="S">${row(2, cell("a", 2) + cell("", 2) + cell("b", 1))}${row(1_048_576, cell("", 16_384))}${row(1, cell("c", 1))}</table:table></office:spreadsheet>`;
  expect(await textOf("ods", openDocument("spreadsheet", sheet))).toBe(
    "S\na\ta\t\t\tb\na\ta\t\t\tb\nc",
  );
  const huge = sheet.replace('"2"', '"1048576"');
  const found = await process("ods", openDocument("spreadsheet", huge), 1000);
  expect(found.output).toMatchObject({ truncated: true });
});

it.each([
  ["yyyy-mm-dd", "day"],
  ["[$-409]d/m/yy\\ h:mm AM/PM;@", "both"],
  ["[h]:mm:ss", "time"],
  ["mm:ss.0", "time"],
  ["mmmm", "day"],
  ["m", "day"],
  ["General", undefined],
  ["0.00E+00", undefined],
  ['#,##0 "days"', undefined],
  ["[Red]0.0;[Blue]-0.0", undefined],
  ["_-* #,##0.00\\ _d_-", undefined],
])("dateKind() sees in %s what it shows of a date", (format, kind) => {
  expect(dateKind(format)).toBe(kind);
});

it.each([
  [1, "day", false, "1900-01-01"],
  [59, "day", false, "1900-02-28"],
  [61, "day", false, "1900-03-01"],
  [0, "day", true, "1904-01-01"],
  [45_351.5, "both", false, "2024-02-29 12:00:00"],
  [0.75, "time", false, "18:00:00"],
  [1.5, "time", false, "36:00:00"],
  [2_958_465, "day", false, "9999-12-31"],
  [2_958_466, "day", false, null],
  [-1, "day", false, null],
  [Number.NaN, "day", false, null],
] as const)("toIsoDate() of %d as %s", (value, kind, from1904, expected) => {
  expect(toIsoDate(value, kind, from1904)).toBe(expected);
});
