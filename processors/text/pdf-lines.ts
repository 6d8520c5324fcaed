/** What PDF.js says of a piece of text; the rest of its fields does not matter here. */
export interface TextItem {
  readonly str: string;
  /** The text matrix; the last number is the height of the baseline above the page's foot, in points. */
  readonly transform: readonly number[];
  /** The end of a line. */
  readonly hasEOL: boolean;
}

interface Line {
  text: string;
  readonly baseline: number;
}

/** How much wider than usual the space between two lines is where a paragraph ends. */
const PARAGRAPH_SPACE = 1.3;

/**
 * Put the pieces of one page together: a line of text for each line, a blank one between paragraphs.
 *
 * A PDF knows no paragraphs; wider space between lines, or a jump back up to the next column, stands for one.
 */
export function joinLines(items: readonly TextItem[]): string {
  const lines = linesOf(items);
  const drops = lines.slice(1).map((line, i) => (lines[i]?.baseline ?? 0) - line.baseline);
  const usual = lowerQuartile(drops.filter((drop) => drop > 0));
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
  for (const item of items) {
    if (item.str !== "") {
      line ??= { text: "", baseline: item.transform[5] ?? 0 };
      line.text += item.str;
    }
    if (item.hasEOL && line !== undefined) {
      lines.push(line);
      line = undefined;
    }
  }
  if (line !== undefined) lines.push(line);
  return lines
    .map(({ text, baseline }) => ({ text: text.trimEnd(), baseline }))
    .filter(({ text }) => text !== "");
}

/** The space within paragraphs, even on a page of short ones, and whatever a superscript does now and then. */
function lowerQuartile(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 2] ?? 0;
}
