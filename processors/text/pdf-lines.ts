import { type Place, placeOf, type TextItem, type TextStyles } from "./pdf-pieces.ts";

/** A part of a line without a wide gap. */
export interface Segment {
  text: string;
  start: number;
  end: number;
  /** Whether any of it is right-to-left. */
  rightToLeft: boolean;
}

/** A line with its segments in drawing order. */
export interface Line {
  readonly turn: number;
  baseline: number;
  height: number;
  readonly segments: Segment[];
}

/** A newspaper page has a thousand. Beyond this, positions are ignored. */
const MAX_SEGMENTS = 10_000;
interface Piece {
  readonly place: Place;
  readonly item: TextItem;
}

/** A gap of this width separates segments. In letter heights. */
export const WIDE_GAP = 1;
/** How much larger than usual the line spacing is at the end of a paragraph. */
const PARAGRAPH_SPACE = 1.3;
/** Line height in letter heights, if no other lines show what is usual. */
const LINE_HEIGHT = 1.4;
/** In letter heights: half a space in most fonts. */
const WORD_SPACE = 0.13;
/** Superscripts and subscripts are smaller than this, relative to the larger letters, and at most this far off. */
const SMALL = 0.8;
const RAISED = 0.75;

/** The lines of a page in drawing order. Superscripts and subscripts stay in their line. */
export function linesOf(items: readonly TextItem[], styles: TextStyles = {}): Line[] {
  const lines = new LineCollector();
  for (const item of items) {
    if (item.str.trim() !== "") lines.add({ place: placeOf(item, styles), item });
    else if (item.str !== "") lines.addSpace(item);
    if (item.hasEOL) lines.end();
  }
  return lines.all;
}

class LineCollector {
  readonly all: Line[] = [];
  #last: Piece | undefined;
  #ended = false;

  add(piece: Piece): void {
    const { turn, baseline, height } = piece.place;
    let line = this.all.at(-1);
    if (line === undefined || !this.#continues(line, piece.place)) {
      line = { turn, baseline, height, segments: [] };
      this.all.push(line);
    }
    append(line, this.#last, piece, this.#ended);
    this.#last = piece;
    this.#ended = false;
  }

  addSpace(item: TextItem): void {
    if (this.#last === undefined || this.#ended) return;
    const segment = this.all.at(-1)?.segments.at(-1);
    if (segment !== undefined) segment.text += item.str;
    this.#last = { place: this.#last.place, item };
  }

  end(): void {
    this.#ended = true;
  }

  #continues(line: Line, place: Place): boolean {
    if (this.#last === undefined) return false;
    return !this.#ended || goesOn(line, this.#last.place, place);
  }
}

/** Whether a piece continues a line that PDF.js considers ended, as it does at superscripts. */
function goesOn(line: Line, last: Place, place: Place): boolean {
  if (place.turn !== line.turn) return false;
  const larger = Math.max(line.height, place.height);
  const off = Math.abs(place.baseline - line.baseline) / larger;
  const raised = Math.min(line.height, place.height) <= SMALL * larger;
  if (off > (raised ? RAISED : WORD_SPACE)) return false;
  const leftwards = line.segments.at(-1)?.rightToLeft === true;
  const gap = (leftwards ? last.start - place.end : place.start - last.end) / larger;
  return gap > (raised ? -WIDE_GAP / 2 : -WORD_SPACE) && gap < WIDE_GAP / 2;
}

function append(
  line: Line,
  last: Piece | undefined,
  { place, item }: Piece,
  afterEnd: boolean,
): void {
  const segment = line.segments.at(-1);
  const rightToLeft = item.dir === "rtl";
  const gap =
    segment === undefined
      ? Number.POSITIVE_INFINITY
      : Math.max(place.start - segment.end, segment.start - place.end);
  if (line.height <= place.height * SMALL) {
    // The line began with a superscript.
    line.baseline = place.baseline;
    line.height = place.height;
  }
  if (segment === undefined || last === undefined || gap > WIDE_GAP * line.height) {
    line.segments.push({ text: item.str, start: place.start, end: place.end, rightToLeft });
    return;
  }
  const around = segment.rightToLeft || rightToLeft;
  // PDF.js finds spaces in left-to-right text. In right-to-left text, numbers and foreign words continue on the
  // left side.
  const [before, after] = around ? [place.end, last.place.start] : [last.place.end, place.start];
  const apart = after - before > WORD_SPACE * (around ? item.height : line.height);
  const missing = apart && (around || afterEnd);
  if (missing && !/\s$/.test(last.item.str) && !/^\s/.test(item.str)) segment.text += " ";
  segment.text += item.str;
  segment.start = Math.min(segment.start, place.start);
  segment.end = Math.max(segment.end, place.end);
  segment.rightToLeft = around;
}

/** Whether a page has so many segments that comparing positions would cost more than reading it. */
export function isCrowded(lines: readonly Line[]): boolean {
  return lines.reduce((sum, { segments }) => sum + segments.length, 0) > MAX_SEGMENTS;
}

/**
 * Join the lines of a page, with a blank line between paragraphs.
 *
 * PDF has no paragraphs. Larger line spacing, or a jump up to the next column, indicates one.
 */
export function joinLines(lines: readonly Line[]): string {
  const ends = paragraphEnds(lines);
  return lines
    .map((line, i) => (i === 0 ? "" : ends[i - 1] === true ? "\n\n" : "\n") + textOf(line))
    .join("");
}

function textOf({ segments }: Line): string {
  const leftwards = segments.length < 2 || segments.some(({ rightToLeft }) => rightToLeft);
  const read = leftwards ? segments : segments.toSorted((a, b) => a.start - b.start);
  return read.map(({ text }) => text.trim()).join(" ");
}

/** For each line, whether a paragraph ends with it. */
export function paragraphEnds(lines: readonly Line[]): boolean[] {
  const drops = lines.slice(1).map((line, i) => {
    const above = lines[i];
    return above?.turn === line.turn ? above.baseline - line.baseline : Number.NEGATIVE_INFINITY;
  });
  const downwards = drops.filter((drop) => drop > 0);
  const usual =
    downwards.length === 1 ? LINE_HEIGHT * (lines[0]?.height ?? 0) : lowerQuartile(downwards);
  return drops.map((drop) => drop < 0 || drop > usual * PARAGRAPH_SPACE);
}

/** The spacing within paragraphs, robust against short paragraphs and superscripts. */
function lowerQuartile(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 2] ?? 0;
}
