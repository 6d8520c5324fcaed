/** What PDF.js says of a piece of text; the rest of its fields does not matter here. */
export interface TextItem {
  readonly str: string;
  /** Which way it is read. */
  readonly dir: string;
  /** In points, as everything here. */
  readonly width: number;
  readonly height: number;
  /** The text matrix; its last numbers are where it begins: from the page's left, and above its foot. */
  readonly transform: readonly number[];
  /** The end of a line. */
  readonly hasEOL: boolean;
}

interface Line {
  text: string;
  readonly baseline: number;
  readonly height: number;
}

/** How much wider than usual the space between two lines is where a paragraph ends. */
const PARAGRAPH_SPACE = 1.3;
/** From line to line, times the height of the letters, where no other lines tell what is usual. */
const LINE_HEIGHT = 1.4;
/** Times the height of the letters: half of what a space takes in most fonts. */
const WORD_SPACE = 0.13;

/**
 * Put the pieces of one page together: a line of text for each line, a blank one between paragraphs.
 *
 * A PDF knows no paragraphs; wider space between lines, or a jump back up to the next column, stands for one.
 */
export function joinLines(items: readonly TextItem[]): string {
  const lines = linesOf(items);
  const drops = lines.slice(1).map((line, i) => (lines[i]?.baseline ?? 0) - line.baseline);
  const downwards = drops.filter((drop) => drop > 0);
  const usual =
    downwards.length === 1 ? LINE_HEIGHT * (lines[0]?.height ?? 0) : lowerQuartile(downwards);
  return lines
    .map((line, i) => {
      const drop = drops[i - 1];
      if (drop === undefined) return line.text;
      return (drop < 0 || drop > usual * PARAGRAPH_SPACE ? "\n\n" : "\n") + line.text;
    })
    .join("");
}

function linesOf(items: readonly TextItem[]): Line[] {
  const lines: Line[] = [];
  let line: Line | undefined;
  let last: TextItem | undefined;
  for (const item of items) {
    if (item.str !== "") {
      if (line !== undefined && last !== undefined && isApart(last, item)) line.text += " ";
      line ??= { text: "", baseline: item.transform[5] ?? 0, height: item.height };
      line.text += item.str;
      last = item;
    }
    if (item.hasEOL && line !== undefined) {
      lines.push(line);
      line = undefined;
    }
  }
  if (line !== undefined) lines.push(line);
  return lines
    .map((line) => ({ ...line, text: line.text.trimEnd() }))
    .filter(({ text }) => text !== "");
}

/**
 * Whether a space stands between two pieces of a line. PDF.js finds it between those that go on to the right;
 * from one that is read to the left, and back to it, numbers and foreign words stand on its left side.
 */
function isApart(last: TextItem, item: TextItem): boolean {
  if (last.dir !== "rtl" && item.dir !== "rtl") return false;
  const gap = (last.transform[4] ?? 0) - (item.transform[4] ?? 0) - item.width;
  return gap > WORD_SPACE * item.height && !/\s$/.test(last.str) && !/^\s/.test(item.str);
}

/** The space within paragraphs, even on a page of short ones, and whatever a superscript does now and then. */
function lowerQuartile(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 2] ?? 0;
}
