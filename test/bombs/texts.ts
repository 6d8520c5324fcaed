import { type Bomb, bomb, type End } from "./bomb.ts";

const MIB = 1024 * 1024;
const READ: readonly End[] = ["processed"];
const ANY: readonly End[] = [
  "processed",
  "document_empty",
  "document_wrong_type",
  "document_unreadable",
];

/** Text that is expensive or misleading to split, trim, decode or count. */
export const TEXTS: readonly Bomb[] = [
  bomb("one-line.csv", "memory: one line of 100 MB", [...READ, "document_too_complex"], () =>
    Buffer.alloc(100_000_000, "boom "),
  ),
  bomb("one-row.csv", "memory: a row of ten million cells", [...READ, "document_too_complex"], () =>
    Buffer.alloc(20_000_000, "1,"),
  ),
  bomb(
    "unclosed-quote.csv",
    "memory: a quote that never closes",
    [...READ, "document_too_complex"],
    () => Buffer.from(`a,"${'b""\n'.repeat(5_000_000)}`),
  ),
  bomb("endless-line.txt", "time: a line of 64 MiB without a space", READ, () =>
    Buffer.alloc(64 * MIB, "a"),
  ),
  bomb("only-space.txt", "time: 64 MiB of white space to trim", ["document_empty"], () =>
    Buffer.alloc(64 * MIB, " \t\n"),
  ),
  bomb("space-before-the-end.txt", "time: 10 MB of white space before a last letter", READ, () =>
    Buffer.from(`a${" ".repeat(10_000_000)}b`),
  ),
  bomb("returns.txt", "time: 20 million returns to search for line ends", ANY, () =>
    Buffer.from(`a${"\r".repeat(20_000_000)}b`),
  ),
  bomb("marks-on-a-letter.txt", "time: ten million accents on one letter", READ, () =>
    Buffer.from(`a${"\u0301".repeat(10_000_000)}`),
  ),
  bomb("right-to-left.txt", "display: overrides and isolates that never end", READ, () =>
    Buffer.from(`txt.\u202Efdp${"\u202E\u2066\u2067\u200D\uFEFF".repeat(100_000)}`),
  ),
  bomb("utf-7.txt", "decoders: UTF-7, which would be markup", READ, () =>
    Buffer.from("+/v8- +ADw-script+AD4-alert(1)+ADw-/script+AD4-"),
  ),
  bomb("utf-16-odd.txt", "decoders: UTF-16 of an odd number of bytes", ANY, () =>
    Buffer.concat([Buffer.from("\uFEFFodd", "utf16le"), Buffer.from([0x61])]),
  ),
  bomb("utf-16-halves.txt", "decoders: UTF-16 whose halves are never whole", ANY, () =>
    Buffer.concat([
      Buffer.from([0xff, 0xfe]),
      Buffer.alloc(2 * MIB, Buffer.from([0x00, 0xd8, 0x61, 0x00])),
    ]),
  ),
  bomb("utf-32.txt", "decoders: UTF-32, which begins like UTF-16", ANY, () =>
    Buffer.concat([
      Buffer.from([0xff, 0xfe, 0, 0]),
      Buffer.from([0x61, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
    ]),
  ),
  bomb("overlong-utf-8.txt", "decoders: surrogates and overlong forms in UTF-8", ANY, () =>
    Buffer.alloc(MIB, Buffer.from([0xed, 0xa0, 0x80, 0xc0, 0x80, 0xf8, 0x88, 0x80, 0x80, 0x80])),
  ),
  bomb("marks-of-order.txt", "decoders: a million byte order marks", ANY, () =>
    Buffer.alloc(3 * MIB, Buffer.from([0xef, 0xbb, 0xbf])),
  ),
  bomb("nothing-but-nul.txt", "decoders: 16 MiB of NUL", ANY, () => Buffer.alloc(16 * MIB)),
  bomb("nul-within.txt", "output: NUL and control characters between letters", ANY, () =>
    Buffer.from(`a\0b\x1b[2J\x1b]0;boom\x07c\u0000${"\u0085\u2028\u2029".repeat(1000)}d`),
  ),
  bomb("lone-surrogates.json", "output: escapes of half a character", READ, () =>
    Buffer.from('{"a":"\\ud800","\\udfff":"\\u0000"}'),
  ),
  bomb("widening.txt", "memory: 40 MiB of Latin-1, twice as long in UTF-8", READ, () =>
    Buffer.alloc(40 * MIB, Buffer.from([0xe4, 0xf6, 0x20])),
  ),
  bomb("no-bytes.txt", "nothing: no byte", ["document_empty"], () => Buffer.alloc(0)),
];
