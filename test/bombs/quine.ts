import { crc32 } from "node:zlib";
import { endOf, headersOf } from "../fixtures/zip-writer.ts";

/** Every instruction of the program below takes as many bytes. */
const UNIT = 10;

/**
 * A ZIP archive whose only entry is the archive itself.
 *
 * Deflate is read as a language of two instructions: `print(n)`, a stored block, prints the next n bytes of
 * the program; `repeat(n)` prints the last n bytes of the output again. The program prints the archive's
 * head, itself and the archive's tail.
 *
 * @see https://research.swtch.com/zip Russ Cox, Zip Files All The Way Down
 */
export function quine(name: string): Buffer {
  // Sizes do not depend on what the headers say; the second time they are known.
  const draft = build(name, 0, 0, 0);
  const sized = (crc: number) => build(name, crc, draft.bytes.length, draft.bodyBytes).bytes;
  return sized(fixpoint((crc) => crc32(sized(crc))));
}

function build(
  entry: string,
  crc: number,
  sizeBytes: number,
  bodyBytes: number,
): { bytes: Buffer; bodyBytes: number } {
  const { common, name } = headersOf({ name: entry, deflated: Buffer.alloc(0), sizeBytes, crc });
  common.writeUInt32LE(bodyBytes, 14);
  const head = Buffer.concat([Buffer.from("PK\x03\x04"), common, name]);
  const directory = Buffer.concat([
    Buffer.from("PK\x01\x02\x14\x03"),
    common,
    Buffer.alloc(14),
    name,
  ]);
  const lastBlock = Buffer.from([1, 0, 0, 0xff, 0xff]);
  const directoryAt = head.length + bodyBytes;
  const tail = Buffer.concat([
    lastBlock,
    directory,
    endOf({ entries: 1, directoryBytes: directory.length, directoryAt }),
  ]);
  const print = (...bytes: Buffer[]) =>
    Buffer.concat([printOf(Buffer.concat(bytes).length), ...bytes]);
  const restart = repeatOf(head.length + UNIT);
  const four = repeatOf(4 * UNIT);
  const finish = repeatOf(UNIT + tail.length);
  const program = Buffer.concat([
    print(head, printOf(head.length + UNIT)),
    restart,
    print(restart),
    print(printOf(UNIT)),
    print(restart, printOf(UNIT), printOf(UNIT), printOf(4 * UNIT)),
    four,
    print(four, printOf(4 * UNIT), four, printOf(4 * UNIT)),
    four,
    print(four, printOf(2 * UNIT), printOf(0), printOf(UNIT + tail.length)),
    four,
    print(printOf(0), printOf(UNIT + tail.length)),
    printOf(0),
    print(finish, tail),
    finish,
  ]);
  const bytes = Buffer.concat([head, program, tail]);
  return { bytes, bodyBytes: program.length + lastBlock.length };
}

/** RFC 1951, 3.2.4: an empty stored block to fill up, then one of `length` bytes, which follow. */
function printOf(length: number): Buffer {
  const bytes = Buffer.from([0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0]);
  bytes.writeUInt16LE(length, 6);
  bytes.writeUInt16LE(0xffff - length, 8);
  return bytes;
}

/** RFC 1951, 3.2.6: one match in fixed codes, an empty block in fixed codes, an empty stored block. */
function repeatOf(length: number): Buffer {
  const bits: number[] = [];
  const push = (value: number, count: number) => {
    for (let i = 0; i < count; i += 1) bits.push((value >> i) & 1);
  };
  const pushCode = (code: number, count: number) => {
    for (let i = count - 1; i >= 0; i -= 1) bits.push((code >> i) & 1);
  };
  const { symbol, extra, extraBits } = lengthSymbol(length);
  const far = distanceSymbol(length);
  push(0b010, 3);
  if (symbol < 280) pushCode(symbol - 256, 7);
  else pushCode(0b11000000 + symbol - 280, 8);
  push(extra, extraBits);
  pushCode(far.symbol, 5);
  push(far.extra, far.extraBits);
  pushCode(0, 7);
  push(0b010, 3);
  pushCode(0, 7);
  push(0, 3);
  while (bits.length % 8 !== 0) bits.push(0);
  const bytes = Array.from({ length: bits.length / 8 }, (_, i) =>
    bits.slice(8 * i, 8 * i + 8).reduce((byte, bit, at) => byte | (bit << at), 0),
  );
  const block = Buffer.from([...bytes, 0, 0, 0xff, 0xff]);
  if (block.length !== UNIT) throw new RangeError(`Cannot repeat ${length} bytes in ${UNIT}`);
  return block;
}

/** RFC 1951, 3.2.5: of 4 · 2^n lengths each, from 11 on. */
function lengthSymbol(length: number): { symbol: number; extra: number; extraBits: number } {
  const extraBits = Math.floor(Math.log2(length - 3)) - 2;
  const offset = length - 3 - (4 << extraBits);
  const symbol = 261 + 4 * extraBits + (offset >> extraBits);
  return { symbol, extra: offset & ((1 << extraBits) - 1), extraBits };
}

/** RFC 1951, 3.2.5: of 2 · 2^n distances each, from 5 on. */
function distanceSymbol(distance: number): { symbol: number; extra: number; extraBits: number } {
  const extraBits = Math.floor(Math.log2(distance - 1)) - 1;
  const offset = distance - 1 - (2 << extraBits);
  const symbol = 2 + 2 * extraBits + (offset >> extraBits);
  return { symbol, extra: offset & ((1 << extraBits) - 1), extraBits };
}

/**
 * The number that `sum` gives back. A checksum that is written into what it sums up is an affine function
 * of itself: over GF(2), x = Mx + b is solved by elimination.
 */
function fixpoint(sum: (x: number) => number): number {
  const b = sum(0);
  // A row is an equation: bit i is the factor of the i-th unknown, bit 32 the right side.
  const rows = Array.from({ length: 32 }, () => 0n);
  for (let i = 0; i < 32; i += 1) {
    const column = BigInt((sum(2 ** i) ^ b ^ ((2 ** i) | 0)) >>> 0);
    for (let bit = 0; bit < 32; bit += 1) {
      if ((column >> BigInt(bit)) & 1n) rows[bit] = (rows[bit] ?? 0n) | (1n << BigInt(i));
    }
  }
  for (let bit = 0; bit < 32; bit += 1) {
    if ((b >>> bit) & 1) rows[bit] = (rows[bit] ?? 0n) | (1n << 32n);
  }
  for (let i = 0; i < 32; i += 1) {
    const unknown = 1n << BigInt(i);
    const found = rows.findIndex((row, at) => at >= i && (row & unknown) !== 0n);
    if (found < 0) throw new RangeError("Cannot build quine: no checksum fits; change its name");
    const pivot = rows[found] ?? 0n;
    rows[found] = rows[i] ?? 0n;
    for (let at = 0; at < 32; at += 1) {
      if (at !== i && (rows[at] ?? 0n) & unknown) rows[at] = (rows[at] ?? 0n) ^ pivot;
    }
    rows[i] = pivot;
  }
  return rows.reduce((x, row, i) => ((row >> 32n) & 1n ? x + 2 ** i : x), 0);
}
