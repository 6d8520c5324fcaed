import { type Line, type Segment, WIDE_GAP } from "./pdf-lines.ts";

/** This many lines with the same gap form columns or a table. */
const MIN_ROWS = 5;
/** A larger step between lines ends the columns. In letter heights. */
const MAX_DROP = 3;
/** The same if one column has ended, and the next line may be below both. */
const MAX_DROP_ALONE = 1.8;
/** How often a half is split again. */
const MAX_DEPTH = 5;
/** How many gaps of a row are tried. Pages have few columns. */
const MAX_GAPS = 4;
/** What distinguishes prose from table cells: words per line, and lines that fill most of the width. */
const MIN_WORDS = 3;
const FULL_WIDTH = 0.6;
const FULL_LINES = 0.6;
const MAX_DIGITS = 0.3;
/** Scripts without spaces have about two letters per word. */
const IDEOGRAPHS = /[\u3040-\u30FF\u3400-\u9FFF]{2}/g;

interface Gap {
  readonly start: number;
  readonly end: number;
}

interface Run {
  /** The row after the run. */
  readonly end: number;
  readonly gap: Gap;
  /** Rows with text on both sides. */
  readonly rows: number;
}

/**
 * Separate columns that are drawn row by row, across the gutter between them.
 *
 * As in projection profiles (Nagy and Seth, "Hierarchical representation of optically scanned documents", 1984),
 * a gutter is white in all rows of a run. Runs are searched downwards, in one pass. Tables also have gutters, but
 * stay unchanged: their cells are short, or mostly numbers.
 */
export function splitColumns(lines: readonly Line[], depth = 0): readonly Line[] {
  if (depth === MAX_DEPTH || !lines.some(({ segments }) => segments.length > 1)) return lines;
  const out: Line[] = [];
  for (let at = 0; at < lines.length; ) {
    const run = longestRun(lines, at);
    const end = run?.end ?? at + 1;
    const rows = lines.slice(at, end);
    out.push(
      ...(run === undefined || run.rows < MIN_ROWS ? rows : split(rows, run.gap, depth + 1)),
    );
    at = end;
  }
  return out;
}

function split(rows: readonly Line[], gap: Gap, depth: number): readonly Line[] {
  const middle = (gap.start + gap.end) / 2;
  const left = part(rows, ({ start }) => start < middle);
  const right = part(rows, ({ start }) => start >= middle);
  const columns = [splitColumns(left, depth), splitColumns(right, depth)];
  if (!columns.every(isProse)) return rows;
  const segments = rows.flatMap((row) => row.segments);
  const leftwards = segments.filter(({ rightToLeft }) => rightToLeft).length * 2 > segments.length;
  return (leftwards ? columns.reverse() : columns).flat();
}

function part(rows: readonly Line[], belongs: (segment: Segment) => boolean): Line[] {
  return rows
    .map((row) => ({ ...row, segments: row.segments.filter(belongs) }))
    .filter(({ segments }) => segments.length > 0);
}

function longestRun(lines: readonly Line[], from: number): Run | undefined {
  const line = lines[from];
  if (line === undefined) return undefined;
  return gapsOf(line)
    .slice(0, MAX_GAPS)
    .map((gap) => runAlong(lines, from, gap))
    .reduce<Run | undefined>(
      (best, run) => (best && best.rows >= run.rows ? best : run),
      undefined,
    );
}

function runAlong(lines: readonly Line[], from: number, first: Gap): Run {
  let gap = first;
  let rows = 1;
  let end = from + 1;
  for (; end < lines.length; end += 1) {
    const above = lines[end - 1];
    const line = lines[end];
    if (above === undefined || line === undefined || line.turn !== above.turn) break;
    const drop = (above.baseline - line.baseline) / Math.max(line.height, above.height);
    const narrowed = narrow(gap, line);
    if (narrowed === undefined || drop <= 0) break;
    if (drop > (narrowed.both ? MAX_DROP : MAX_DROP_ALONE)) break;
    gap = narrowed;
    if (narrowed.both) rows += 1;
  }
  return { end, gap, rows };
}

/** The part of a gap that stays white in this line, unless it is too narrow. */
function narrow(gap: Gap, line: Line): (Gap & { readonly both: boolean }) | undefined {
  let { start, end } = gap;
  let left = false;
  let right = false;
  for (const segment of line.segments) {
    if (segment.start + segment.end < gap.start + gap.end) {
      left = true;
      start = Math.max(start, segment.end);
    } else {
      right = true;
      end = Math.min(end, segment.start);
    }
  }
  return end - start < WIDE_GAP * line.height ? undefined : { start, end, both: left && right };
}

function gapsOf({ segments, height }: Line): Gap[] {
  const sorted = segments.toSorted((a, b) => a.start - b.start);
  return sorted
    .slice(1)
    .map(({ start }, i) => ({ start: sorted[i]?.end ?? start, end: start }))
    .filter(({ start, end }) => end - start >= WIDE_GAP * height);
}

function isProse(lines: readonly Line[]): boolean {
  const segments = lines.flatMap((line) => line.segments);
  const lengths = segments.map(({ start, end }) => end - start).toSorted((a, b) => a - b);
  const usual = lengths[Math.floor(lengths.length * 0.9)] ?? 0;
  const full = lengths.filter((length) => length >= FULL_WIDTH * usual).length;
  if (full < FULL_LINES * segments.length) return false;
  const text = segments.map((segment) => segment.text).join(" ");
  const ideographs = text.match(IDEOGRAPHS)?.length ?? 0;
  const words = (text.match(/\S+/g)?.length ?? 0) + ideographs;
  const digits = text.match(/\p{Nd}/gu)?.length ?? 0;
  return words >= MIN_WORDS * segments.length && digits <= MAX_DIGITS * text.length;
}
