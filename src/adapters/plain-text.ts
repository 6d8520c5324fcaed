import { findByteOrderMark } from "../domain/byte-order-mark.ts";

/** Control characters that text files do not contain. Tab, line ends, form feed and escape are allowed. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern looks for them
const NO_TEXT = /[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]/;

/**
 * Whether bytes are text: marked as such, UTF-8, or far more likely text in an older charset than noise.
 *
 * A few bytes beyond ASCII prove nothing. 64 bytes of noise are practically never taken for text.
 *
 * @param head Up to 64 KiB. Its last character may be cut off.
 */
export function isPlainText(head: Uint8Array): boolean {
  if (head.byteLength === 0) return false;
  switch (findByteOrderMark(head)) {
    case "utf-32le":
      return isUtf32(head, true);
    case "utf-32be":
      return isUtf32(head, false);
    case "utf-16le":
      return isIn("utf-16le", head, NO_UTF_16);
    case "utf-16be":
      return isIn("utf-16be", head, NO_UTF_16);
    default:
      return isIn("utf-8", head) || isLegacyText(head);
  }
}

/** In UTF-16, noise often decodes to characters that text does not use: C1 controls, private use. */
const NO_UTF_16 = new RegExp(`${NO_TEXT.source}|[\\x80-\\x9f\\ue000-\\uf8ff\\ufffe\\uffff]`);

function isIn(encoding: string, head: Uint8Array, never = NO_TEXT): boolean {
  try {
    // `stream`: the head may cut a character in two.
    const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
    return !never.test(decoder.decode(head, { stream: true }));
  } catch {
    return false;
  }
}

const LAST_CODE_POINT = 0x10ffff;

function isUtf32(head: Uint8Array, little: boolean): boolean {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  for (let at = 0; at + 4 <= head.byteLength; at += 4) {
    const codePoint = view.getUint32(at, little);
    if (codePoint > LAST_CODE_POINT || NO_TEXT.test(String.fromCodePoint(codePoint))) return false;
  }
  return true;
}

/** How much likelier the bytes must be as text than as noise, in powers of two: in total, and per byte. */
const MIN_BITS = 8;
const MIN_BITS_PER_BYTE = 0.4;
/** Enough to recognize the charset. Control characters are searched for in the whole head. */
const SAMPLE_BYTES = 8_192;

function isLegacyText(head: Uint8Array): boolean {
  if (head.some((byte) => CONTROLS.has(byte))) return false;
  const sample = head.subarray(0, SAMPLE_BYTES);
  const enough = Math.max(MIN_BITS, MIN_BITS_PER_BYTE * sample.byteLength);
  return (
    SCRIPTS.some((script) => bitsOfBytes(sample, script) >= enough) ||
    DOUBLE_BYTE.some((charset) => bitsOfPairs(sample, charset) >= enough)
  );
}

type Range = readonly [first: number, last: number];

const sizeOf = (ranges: readonly Range[]): number =>
  ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);

const within = (byte: number, ranges: readonly Range[]): boolean =>
  ranges.some(([first, last]) => byte >= first && byte <= last);

const asciiWith = (pattern: RegExp): Set<number> =>
  new Set(
    Array.from({ length: 128 }, (_, i) => i).filter((i) => pattern.test(String.fromCharCode(i))),
  );

// biome-ignore lint/suspicious/noControlCharactersInRegex: as above, plus delete
const CONTROLS = asciiWith(/[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]/);
/** Letters, digits, white space and punctuation. */
const COMMON_ASCII = asciiWith(/[\w\t\r\n .,:;'"()!?/-]/);
const RARE_SHARE = 0.03;
const RARE_ASCII_BITS = Math.log2(RARE_SHARE / ((128 - COMMON_ASCII.size - CONTROLS.size) / 256));

/** A single-byte charset: where its letters are, and their share of a text. */
interface Script {
  readonly letters: readonly Range[];
  readonly share: number;
  /** Share of common ASCII. */
  readonly ascii: number;
}

/** Latin text has a few letters beyond ASCII; text in other scripts has little else. */
const LATIN = { ascii: 0.8, share: 0.13 };
const OTHER = { ascii: 0.3, share: 0.63 };

const SCRIPTS: readonly Script[] = [
  // Western of Windows and ISO 8859, Central European, DOS and Mac OS.
  { letters: [[0xc0, 0xff]], ...LATIN },
  { letters: [[0xa1, 0xff]], ...LATIN },
  { letters: [[0x80, 0xa7]], ...LATIN },
  // Cyrillic, Greek, Hebrew and Arabic of Windows, KOI8; ISO 8859-5; DOS; Mac OS; Thai.
  { letters: [[0xc0, 0xff]], ...OTHER },
  { letters: [[0xb0, 0xef]], ...OTHER },
  {
    letters: [
      [0x80, 0xaf],
      [0xe0, 0xef],
    ],
    ...OTHER,
  },
  {
    letters: [
      [0x80, 0x9f],
      [0xdf, 0xfe],
    ],
    ...OTHER,
  },
  {
    letters: [
      [0xa1, 0xda],
      [0xdf, 0xfb],
    ],
    ...OTHER,
  },
];

function bitsOfBytes(head: Uint8Array, { letters, share, ascii }: Script): number {
  const bits = {
    ascii: Math.log2(ascii / (COMMON_ASCII.size / 256)),
    letter: Math.log2(share / (sizeOf(letters) / 256)),
    other: Math.log2((1 - ascii - share - RARE_SHARE) / ((128 - sizeOf(letters)) / 256)),
  };
  let sum = 0;
  for (const byte of head) {
    if (byte >= 0x80) sum += within(byte, letters) ? bits.letter : bits.other;
    else sum += COMMON_ASCII.has(byte) ? bits.ascii : RARE_ASCII_BITS;
  }
  return sum;
}

/** A charset with two bytes per character beyond ASCII: the first bytes that most of a text consists of. */
interface DoubleByte {
  readonly common: readonly { readonly leads: readonly Range[]; readonly share: number }[];
  readonly trails: readonly Range[];
}

const ASCII_SHARE = 0.25;

const DOUBLE_BYTE: readonly DoubleByte[] = [
  // GBK, EUC-JP and EUC-KR: punctuation and kana; everyday hanzi, kanji and syllables.
  {
    common: [
      {
        leads: [
          [0xa1, 0xa5],
          [0xb0, 0xd7],
        ],
        share: 0.65,
      },
    ],
    trails: [[0xa1, 0xfe]],
  },
  // Big5: punctuation and everyday hanzi.
  {
    common: [{ leads: [[0xa1, 0xc6]], share: 0.65 }],
    trails: [
      [0x40, 0x7e],
      [0xa1, 0xfe],
    ],
  },
  // Shift JIS: punctuation and kana; everyday kanji.
  {
    common: [
      { leads: [[0x81, 0x83]], share: 0.4 },
      { leads: [[0x88, 0x97]], share: 0.25 },
    ],
    trails: [
      [0x40, 0x7e],
      [0x80, 0xfc],
    ],
  },
];

/** A rarer character counts as a misplaced byte. */
const ODD_BITS = Math.log2(0.04 / 0.5);

function bitsOfPairs(head: Uint8Array, { common, trails }: DoubleByte): number {
  const asciiBits = Math.log2(ASCII_SHARE / (COMMON_ASCII.size / 256));
  let sum = 0;
  for (let at = 0; at < head.byteLength; at += 1) {
    const [byte, next] = [head[at] ?? 0, head[at + 1] ?? 0];
    if (byte < 0x80) {
      sum += COMMON_ASCII.has(byte) ? asciiBits : RARE_ASCII_BITS;
      continue;
    }
    const found = within(next, trails) && common.find(({ leads }) => within(byte, leads));
    if (!found) {
      sum += ODD_BITS;
      continue;
    }
    sum += Math.log2(found.share / ((sizeOf(found.leads) / 256) * (sizeOf(trails) / 256)));
    at += 1;
  }
  return sum;
}
