import { analyse } from "chardet";
import {
  type ByteStream,
  concatBytes,
  findByteOrderMark,
  StowageError,
} from "../../src/processor.ts";

/**
 * Finds the encoding that a document declares.
 *
 * @param head Its first bytes, one character per byte.
 */
export type FindDeclared = (head: string) => string | null;

/** How much is examined before the encoding is chosen. Other encodings show within this. */
const SAMPLE_BYTES = 64 * 1024;
const DECLARATION_BYTES = 4096;

/** Below this, a guess is worse than the most common encoding. */
const MIN_CONFIDENCE = 20;
const LAST_RESORT = "windows-1252";

/**
 * Decode text as it arrives, in any encoding of the WHATWG standard. The encoding is that of the byte order
 * mark, else the declared one, else UTF-8 or UTF-16 if the bytes are valid, else the best guess from the
 * letters, else windows-1252. Invalid bytes become U+FFFD.
 *
 * @throws {StowageError} `document_wrong_type` for binary data, `document_unreadable` for UTF-32.
 */
export async function* decodeText(
  stream: ByteStream,
  findDeclared: FindDeclared = () => null,
): AsyncGenerator<string> {
  const decoder = new CharsetDecoder(findDeclared);
  for await (const chunk of stream) {
    const text = decoder.write(chunk);
    if (text !== "") yield text;
  }
  yield decoder.end();
}

/** Holds bytes back until their encoding is known. While all of them are ASCII, there is nothing to decide. */
class CharsetDecoder {
  readonly #findDeclared: FindDeclared;
  #decoder: InstanceType<typeof TextDecoder> | null = null;
  #atStart = true;
  #held: Uint8Array[] = [];
  #heldBytes = 0;

  constructor(findDeclared: FindDeclared) {
    this.#findDeclared = findDeclared;
  }

  write(chunk: Uint8Array): string {
    if (this.#decoder !== null) return this.#decoder.decode(chunk, { stream: true });
    if (!this.#atStart && this.#heldBytes === 0 && isAscii(chunk)) return decodeAscii(chunk);
    // A copy, because the sender may reuse its chunk.
    this.#held.push(chunk.slice());
    this.#heldBytes += chunk.byteLength;
    return this.#heldBytes < SAMPLE_BYTES ? "" : this.#decide(true);
  }

  end(): string {
    return this.#heldBytes > 0 ? this.#decide(false) : (this.#decoder?.decode() ?? "");
  }

  /** @param more Whether more text follows, so that the last character may be cut in two. */
  #decide(more: boolean): string {
    const bytes = concatBytes(this.#held);
    const encoding =
      (this.#atStart ? this.#findAtStart(bytes, more) : null) ?? findByLooks(bytes, more);
    this.#atStart = false;
    this.#held = [];
    this.#heldBytes = 0;
    if (encoding === null) return decodeAscii(bytes);
    this.#decoder = new TextDecoder(encoding);
    return this.#decoder.decode(bytes, { stream: more });
  }

  #findAtStart(bytes: Uint8Array, more: boolean): string | null {
    const marked = findByteOrderMark(bytes);
    if (marked === "utf-32le" || marked === "utf-32be") throw unreadable("UTF-32 is not supported");
    if (marked !== null) return marked;
    const head = latin1(bytes.subarray(0, DECLARATION_BYTES));
    const declared = findEncoding(this.#findDeclared(head));
    // UTF-8 is often declared wrongly, so check it. Other declarations are trusted.
    if (declared !== null && (declared !== "utf-8" || isValid("utf-8", bytes, more))) {
      return declared;
    }
    return findUnmarkedUtf16(bytes, more);
  }
}

/** For bytes that declare nothing. `null` for pure ASCII. */
function findByLooks(bytes: Uint8Array, more: boolean): string | null {
  if (isValid("utf-8", bytes, more)) {
    if (hasJapaneseShift(bytes)) return "iso-2022-jp";
    return bytes.some((byte) => byte >= 0x80) ? "utf-8" : null;
  }
  // The remaining encodings accept every byte. NUL shows that these are not characters.
  if (bytes.includes(0))
    throw new StowageError("document_wrong_type", "Cannot read text: found binary data");
  for (const { name, confidence } of analyse(linesBeyondAscii(bytes))) {
    const encoding = confidence < MIN_CONFIDENCE ? null : findEncoding(name);
    if (encoding !== null && isValid(encoding, bytes, more)) return encoding;
  }
  return LAST_RESORT;
}

/** The lines that identify an encoding. In source code, English lines would outweigh a comment in another language. */
function linesBeyondAscii(bytes: Uint8Array): Uint8Array {
  const lines: Uint8Array[] = [];
  for (let start = 0; start < bytes.byteLength; ) {
    const end = bytes.indexOf(LINE_FEED, start) + 1 || bytes.byteLength;
    const line = bytes.subarray(start, end);
    if (!isAscii(line)) lines.push(line);
    start = end;
  }
  return concatBytes(lines);
}

/** In any script, at least a tenth of a text is spaces, digits and line ends, whose high byte is NUL. */
function findUnmarkedUtf16(bytes: Uint8Array, more: boolean): string | null {
  const nuls = [0, 0] as [number, number];
  for (const [i, byte] of bytes.entries()) {
    if (byte === 0) nuls[i & 1 ? 1 : 0] += 1;
  }
  const [even, odd] = nuls;
  if ((even === 0) === (odd === 0) || (even + odd) * 20 < bytes.byteLength) return null;
  if ((even + odd) * 4 < bytes.byteLength && isTextButForNul(bytes, more)) return null;
  const encoding = even > 0 ? "utf-16be" : "utf-16le";
  return (more || bytes.byteLength % 2 === 0) && isValid(encoding, bytes, more) ? encoding : null;
}

/** Not in any text: C1 controls result from decoding with a wrong table, the others from wrong UTF-16. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern looks for them
const NO_TEXT = /[\x01-\x08\x0e-\x1a\x80-\x9f\ue000-\uf8ff]/;

function isValid(encoding: string, bytes: Uint8Array, more: boolean): boolean {
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: more });
    return encoding === "utf-8" || !NO_TEXT.test(text);
  } catch {
    return false;
  }
}

/** UTF-8 with a few NULs. Non-Latin UTF-16, read as UTF-8, is full of control characters instead. */
function isTextButForNul(bytes: Uint8Array, more: boolean): boolean {
  return isValid("utf-8", bytes, more) && !NO_TEXT.test(new TextDecoder().decode(bytes));
}

/** The standard's name of an encoding. `null` for unknown labels. */
function findEncoding(label: string | null): string | null {
  try {
    return label === null ? null : new TextDecoder(label).encoding;
  } catch {
    return null;
  }
}

const ESCAPE = 0x1b;
const LINE_FEED = 0x0a;

/** ISO-2022-JP writes Japanese in ASCII bytes, between `ESC $ B` or `ESC $ @` and `ESC ( B`. */
function hasJapaneseShift(bytes: Uint8Array): boolean {
  for (let at = bytes.indexOf(ESCAPE); at >= 0; at = bytes.indexOf(ESCAPE, at + 1)) {
    if (bytes[at + 1] === 0x24 && (bytes[at + 2] === 0x42 || bytes[at + 2] === 0x40)) return true;
  }
  return false;
}

function isAscii(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte < 0x80 && byte !== ESCAPE);
}

/** ASCII is the same in every supported encoding. */
function decodeAscii(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

function unreadable(found: string): StowageError {
  return new StowageError("document_unreadable", `Cannot read text: ${found}`);
}
