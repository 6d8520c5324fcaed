import { splitColumns } from "./pdf-columns.ts";
import { isCrowded, type Line, paragraphEnds } from "./pdf-lines.ts";

/** Every block is compared with every other. */
const MAX_BLOCKS = 500;
/** Two blocks are above each other if they share this much of the narrower one's width. */
const MIN_SHARED = 0.5;
/** A header or footer has this much space to everything else. In letter heights. */
const CLEAR = 1.5;
/** Two blocks with a smaller step between their baselines are in one row. In letter heights. */
const MIN_DROP = 0.8;

/** Lines that are drawn downwards in sequence. */
interface Block {
  readonly lines: Line[];
  readonly turn: number;
  /** Baselines of its first and last line. */
  readonly top: number;
  bottom: number;
  start: number;
  end: number;
}

/**
 * Put the lines of a page into reading order, if the drawing order is not readable.
 *
 * In a column, upper lines are read first: the first rule of Breuel, "High performance document layout analysis",
 * 2003. His second rule, left before right, is not used: the drawing order of columns is more reliable.
 */
export function inReadingOrder(lines: readonly Line[]): readonly Line[] {
  if (isCrowded(lines)) return lines;
  const rows = splitColumns(lines);
  const blocks = blocksOf(rows);
  if (blocks.length > MAX_BLOCKS || !goesUp(blocks)) return rows;
  widenMargins(blocks);
  return sorted(blocks).flatMap((block) => block.lines);
}

function blocksOf(lines: readonly Line[]): Block[] {
  const blocks: Block[] = [];
  const ends = paragraphEnds(lines);
  for (const [i, line] of lines.entries()) {
    const start = Math.min(...line.segments.map((segment) => segment.start));
    const end = Math.max(...line.segments.map((segment) => segment.end));
    const block = blocks.at(-1);
    if (block === undefined || ends[i - 1] === true || start > block.end || end < block.start) {
      const { turn, baseline } = line;
      blocks.push({ lines: [line], turn, top: baseline, bottom: baseline, start, end });
    } else {
      block.lines.push(line);
      block.bottom = line.baseline;
      block.start = Math.min(block.start, start);
      block.end = Math.max(block.end, end);
    }
  }
  return blocks;
}

/** Whether a block is drawn after one below it. */
function goesUp(blocks: readonly Block[]): boolean {
  return blocks.some((block, i) => {
    const before = blocks[i - 1];
    return before?.turn === block.turn && before.bottom < block.top;
  });
}

/**
 * Treat headers that are drawn last, and footers that are drawn first, as wide as the page, so that they are
 * above or below every column.
 */
function widenMargins(blocks: readonly Block[]): void {
  const upright = blocks.filter(({ turn }) => turn === blocks[0]?.turn);
  const header = outermost(upright.toSorted((a, b) => b.top - a.top));
  const footer = outermost(upright.toSorted((a, b) => a.bottom - b.bottom));
  const body = blocks.filter((block) => !header.has(block) && !footer.has(block));
  const [first, last] = [body[0], body.at(-1)];
  if (first === undefined || last === undefined) return;
  const places = new Map(blocks.map((block, i) => [block, i]));
  const place = (block: Block) => places.get(block) ?? 0;
  const margins = [
    ...([...header].every((block) => place(block) > place(last)) ? header : []),
    ...([...footer].every((block) => place(block) < place(first)) ? footer : []),
  ];
  for (const block of margins) {
    block.start = Number.NEGATIVE_INFINITY;
    block.end = Number.POSITIVE_INFINITY;
  }
}

/** The one-line blocks in the first row, if nothing else is near that row. */
function outermost(blocks: readonly Block[]): Set<Block> {
  const height = blocks[0]?.lines[0]?.height ?? 0;
  const row = blocks[0]?.top ?? 0;
  const outer = blocks.findIndex(
    ({ top, bottom }) => Math.max(Math.abs(top - row), Math.abs(bottom - row)) > height / 2,
  );
  const next = blocks[outer];
  if (next === undefined) return new Set();
  const clear = Math.min(Math.abs(next.top - row), Math.abs(next.bottom - row));
  return new Set(clear >= CLEAR * height ? blocks.slice(0, outer) : []);
}

/** In the given order, but each block after all blocks above it. */
function sorted(blocks: readonly Block[]): Block[] {
  const out: Block[] = [];
  // Marked before the search, because invalid positions may form a circle.
  const seen = new Set<Block>();
  const place = (block: Block): void => {
    if (seen.has(block)) return;
    seen.add(block);
    for (const other of blocks) if (!seen.has(other) && isAbove(other, block)) place(other);
    out.push(block);
  };
  for (const block of blocks) place(block);
  return out;
}

/** Whether all lines of `block` are above `other`. */
function isAbove(block: Block, other: Block): boolean {
  if (block.turn !== other.turn) return false;
  const height = other.lines[0]?.height ?? 0;
  if (block.bottom <= other.top || block.bottom - other.top < MIN_DROP * height) return false;
  const shared = Math.min(block.end, other.end) - Math.max(block.start, other.start);
  const narrower = Math.min(block.end - block.start, other.end - other.start);
  return shared >= MIN_SHARED * narrower;
}
