import { StowageError } from "../../src/processor.ts";
import { FALLBACK, type OfficePackage } from "../formats/office-package.ts";

/** UTF-8 of all strings, which are held in memory while the sheets are read. */
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_STRINGS = 4_000_000;

/** Reading aids above East Asian words. */
const IGNORED = new Set([FALLBACK, "x:rPh"]);

/** The strings that cells refer to by number. */
export interface SharedStrings {
  /** Empty for an unknown number. */
  get(index: number): string;
}

/** @throws {StowageError} `document_too_complex` if they exceed a limit. */
export async function readSharedStrings(
  document: OfficePackage,
  part: string | undefined,
): Promise<SharedStrings> {
  const strings = new PackedStrings();
  let text = "";
  let inText = false;
  if (part === undefined) return strings;
  await document.read(
    part,
    {
      open(name) {
        if (name === "x:t") inText = true;
        else if (name === "x:si") text = "";
      },
      close(name) {
        if (name === "x:t") inText = false;
        else if (name === "x:si") strings.add(text);
      },
      text(piece) {
        if (inText) text += piece;
      },
    },
    IGNORED,
  );
  return strings;
}

/** Strings as UTF-8 in one array. Separate strings would keep the parsed text alive that they are slices of. */
class PackedStrings implements SharedStrings {
  #bytes = new Uint8Array(64 * 1024);
  #ends = new Uint32Array(1024);
  #count = 0;
  readonly #encoder = new TextEncoder();
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  add(text: string): void {
    const start = this.#end(this.#count);
    this.#reserve(start + 3 * text.length);
    const { written } = this.#encoder.encodeInto(text, this.#bytes.subarray(start));
    this.#ends[this.#count] = start + written;
    this.#count += 1;
  }

  get(index: number): string {
    if (!(index >= 0 && index < this.#count)) return "";
    return this.#decoder.decode(this.#bytes.subarray(this.#end(index), this.#end(index + 1)));
  }

  /** Where the previous string ends. */
  #end(index: number): number {
    return index === 0 ? 0 : (this.#ends[index - 1] ?? 0);
  }

  #reserve(bytes: number): void {
    if (bytes > MAX_BYTES || this.#count >= MAX_STRINGS) {
      throw new StowageError(
        "document_too_complex",
        "Cannot read document: its cells contain too much text",
      );
    }
    if (bytes > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(bytes, 2 * this.#bytes.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    if (this.#count === this.#ends.length) {
      const larger = new Uint32Array(2 * this.#ends.length);
      larger.set(this.#ends);
      this.#ends = larger;
    }
  }
}
