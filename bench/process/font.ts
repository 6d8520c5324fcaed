import type { Prose } from "./prose.ts";

/** Of the square that glyphs are drawn in. */
const UNITS_PER_EM = 1000;

/** Characters that the prose is made of; glyph 0 is the one for what is missing. */
export const GLYPHS = [
  ..."\0 !(),-.0123456789:ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyzÅöéçïŁódźã",
];

const GLYPH_OF = new Map(GLYPHS.map((character, glyph) => [character, glyph]));

export function glyphOf(character: string): number {
  return GLYPH_OF.get(character) ?? 0;
}

/** In thousandths of the type size, about as wide as in Helvetica. */
export function widthOf(character: string): number {
  if ("!(),-.:I ijlt".includes(character)) return 278;
  if ("mwMW".includes(character)) return 833;
  return /\p{Lu}/u.test(character) ? 667 : 556;
}

/**
 * A TrueType font as writers of PDFs embed it: a subset without names or character map, every glyph with two
 * outlines. https://learn.microsoft.com/typography/opentype/spec/otff
 */
export function trueType(prose: Prose): Buffer {
  const glyphs = GLYPHS.map((character) => outlines(widthOf(character), prose));
  const offsets = [0];
  for (const glyph of glyphs) offsets.push((offsets.at(-1) ?? 0) + glyph.length);
  return fontFile({
    glyf: Buffer.concat(glyphs),
    head: shorts(
      ...[1, 0, 1, 0, 0, 0, 0x5f0f, 0x3cf5, 0, UNITS_PER_EM],
      ...[0, 0, 0, 0, 0, 0, 0, 0],
      // Bounds, style, smallest size, direction, long offsets in `loca`, format of `glyf`.
      ...[0, -200, 900, 800, 0, 8, 2, 1, 0],
    ),
    hhea: shorts(1, 0, 800, -200, 0, 900, 0, 0, 900, 1, 0, 0, 0, 0, 0, 0, 0, glyphs.length),
    hmtx: shorts(...GLYPHS.flatMap((character) => [widthOf(character), 40])),
    loca: longs(...offsets),
    maxp: shorts(1, 0, glyphs.length, 2 * POINTS, 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0),
    post: longs(0x30000, 0, 0, 0, 0, 0, 0, 0),
  });
}

/** Of one outline. */
const POINTS = 14;

/** Two closed curves within the glyph's box. */
function outlines(width: number, prose: Prose): Buffer {
  const count = 2 * POINTS;
  const at = (most: number) => Array.from({ length: count }, () => prose.between(20, most));
  const steps = (places: number[]) => places.map((place, i) => place - (places[i - 1] ?? 0));
  const flags = Buffer.from(Array.from({ length: count }, (_, i) => (i % 3 === 0 ? 1 : 0)));
  const glyph = Buffer.concat([
    shorts(2, 20, 20, width - 20, 720, POINTS - 1, count - 1, 0),
    flags,
    shorts(...steps(at(width - 20)), ...steps(at(720))),
  ]);
  return padded(glyph);
}

function fontFile(tables: Readonly<Record<string, Buffer>>): Buffer {
  const entries = Object.entries(tables);
  const log = Math.floor(Math.log2(entries.length));
  const range = 16 * 2 ** log;
  const heads = [longs(0x10000), shorts(entries.length, range, log, 16 * entries.length - range)];
  const bodies: Buffer[] = [];
  let offset = 12 + 16 * entries.length;
  for (const [name, table] of entries) {
    heads.push(Buffer.from(name), longs(checksum(table), offset, table.length));
    bodies.push(padded(table));
    offset += padded(table).length;
  }
  return Buffer.concat([...heads, ...bodies]);
}

function checksum(table: Buffer): number {
  const whole = padded(table);
  let sum = 0;
  for (let at = 0; at < whole.length; at += 4) sum = (sum + whole.readUInt32BE(at)) >>> 0;
  return sum;
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

function shorts(...values: number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt16BE(value & 0xffff, 2 * i);
  return bytes;
}

function longs(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, 4 * i);
  return bytes;
}
