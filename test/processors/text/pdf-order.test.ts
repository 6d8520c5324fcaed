import fc from "fast-check";
import { expect, it } from "vitest";
import { inReadingOrder } from "../../../processors/text/pdf-order.ts";
import { type Shown, show, textOf } from "./read-pdf.ts";

const LEFT = [0, 1, -1, 0] as const;

const TITLE: Shown = [50, 780, "A title that is as wide as the page", 18];
const BODY: readonly Shown[] = [
  [50, 740, "First line"],
  [50, 728, "second line"],
  [50, 716, "third line"],
  [50, 692, "Fourth line"],
];
const FOOTER: Shown = [290, 30, "Page 1", 8];
const COLUMNS: readonly Shown[] = [
  [50, 740, "Left one, as wide as half"],
  [50, 728, "left two."],
  [50, 704, "Left three."],
  [320, 740, "Right one, as wide as half"],
  [320, 728, "right two."],
];
const TITLE_TEXT = TITLE[2];
const BODY_TEXT = "First line\nsecond line\nthird line\n\nFourth line";
const COLUMNS_TEXT =
  "Left one, as wide as half\nleft two.\n\nLeft three.\n\nRight one, as wide as half\nright two.";

it.each([
  ["a title that is drawn last", [...BODY, TITLE], `${TITLE_TEXT}\n\n${BODY_TEXT}`],
  ["a footer that is drawn first", [FOOTER, ...BODY], `${BODY_TEXT}\n\nPage 1`],
  [
    "a footer that is drawn first and a title that is drawn last",
    [FOOTER, ...BODY, TITLE],
    `${TITLE_TEXT}\n\n${BODY_TEXT}\n\nPage 1`,
  ],
  ["paragraphs from the last to the first", [...BODY.slice(3), ...BODY.slice(0, 3)], BODY_TEXT],
  ["a title that is drawn after columns", [...COLUMNS, TITLE], `${TITLE_TEXT}\n\n${COLUMNS_TEXT}`],
  [
    "a footer that is drawn before columns and between them",
    [TITLE, FOOTER, ...COLUMNS],
    `${TITLE_TEXT}\n\n${COLUMNS_TEXT}\n\nPage 1`,
  ],
  [
    "a page number that is drawn last and above the gap between columns",
    [...COLUMNS, [290, 800, "7"]] as Shown[],
    `7\n\n${COLUMNS_TEXT}`,
  ],
])("readPdf() puts %s in its place", async (_, lines, text) => {
  expect(await textOf(show(...lines))).toBe(text);
});

it.each([
  ["columns", COLUMNS, COLUMNS_TEXT],
  [
    "columns with a title and a footer",
    [TITLE, ...COLUMNS, FOOTER],
    `${TITLE_TEXT}\n\n${COLUMNS_TEXT}\n\nPage 1`,
  ],
  [
    "columns that reach into each other a little",
    [
      ...COLUMNS.slice(0, 2),
      [50, 704, "Left three reaches a little further than to the middle, which it may do"],
      ...COLUMNS.slice(3),
    ] as Shown[],
    COLUMNS_TEXT.replace(
      "Left three.",
      "Left three reaches a little further than to the middle, which it may do",
    ),
  ],
  [
    "a right column before the left one",
    [...COLUMNS.slice(3), ...COLUMNS.slice(0, 3)],
    "Right one, as wide as half\nright two.\n\nLeft one, as wide as half\nleft two.\n\nLeft three.",
  ],
  [
    "cells that are drawn column by column",
    [
      [50, 740, "Name"],
      [50, 720, "Place"],
      [200, 740, "Zoe"],
      [200, 720, "Oslo"],
    ] as Shown[],
    "Name\nPlace\n\nZoe\nOslo",
  ],
])("readPdf() leaves %s as they are drawn", async (_, lines, text) => {
  expect(await textOf(show(...lines))).toBe(text);
});

it("readPdf() orders text that is turned as it is read", async () => {
  const lines = [300, 100, 112, 200].map((x) => [x, 100, `At ${x}`, 10, LEFT] as const);
  expect(await textOf(show(...lines))).toBe("At 100\nAt 112\n\nAt 200\n\nAt 300");
});

it("readPdf() compares no text with what is turned otherwise", async () => {
  const page = show([400, 60, "Turned", 10, LEFT], [50, 50, "Second"], [50, 700, "First"]);
  expect(await textOf(page)).toBe("Turned\n\nFirst\n\nSecond");
});

it("readPdf() puts pieces of a line that are drawn from the right to the left in order", async () => {
  const page = show(
    [200, 700, "value"],
    [50, 700, "Name"],
    [200, 688, "other"],
    [50, 688, "Place"],
  );
  expect(await textOf(page)).toBe("Name value\nPlace other");
});

it("readPdf() leaves a page with too many pieces as it is drawn", async () => {
  const lines = Array.from({ length: 501 }, (_, i) => [9, 9 + 0.8 * i, `${i}`, 0.5] as const);
  expect((await textOf(show(...lines))).startsWith("0\n\n1\n\n2\n\n")).toBe(true);
  expect((await textOf(show(...lines.slice(0, 500)))).startsWith("0\n\n1\n\n2\n\n")).toBe(false);
});

it("loses no line and ends, wherever lines are", () => {
  const line = fc.record({
    turn: fc.constantFrom(0, 0, 90),
    baseline: fc.oneof(fc.constantFrom(0, 7, 10, 70, 100), fc.double()),
    height: fc.constantFrom(0, 5, 10, -3, 1e9),
    segments: fc.array(
      fc.record({
        text: fc.constant("x"),
        start: fc.constantFrom(0, 50, 100, 150),
        end: fc.constantFrom(0, 40, 140, 300),
        rightToLeft: fc.boolean(),
      }),
      { minLength: 1, maxLength: 2 },
    ),
  });
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
      expect(new Set(inReadingOrder(lines))).toEqual(new Set(lines));
    }),
    { numRuns: 2000 },
  );
});
