import type { ProcessorContext, ProcessorInput } from "../../src/processor.ts";
import { DEFAULT_ENCODING, encodingOfCodePage } from "../formats/rtf-charsets.ts";
import { type RtfHandler, RtfTokens } from "../formats/rtf-tokens.ts";
import type { RawFacts } from "./facts.ts";

/** Tables of fonts, styles and lists precede `\info`. */
const MAX_BYTES = 1024 * 1024;
const PIECE_BYTES = 16 * 1024;
const MAX_LENGTH = 4_000;

/**
 * Read what an RTF file states about itself in its group `\info`. Reads no further.
 *
 * @throws {StowageError} `document_unreadable` for invalid control words.
 * @see Rich Text Format Specification 1.9.1, Information Group
 */
export async function readRtf(input: ProcessorInput, context: ProcessorContext): Promise<RawFacts> {
  const info = new InfoHandler();
  const tokens = new RtfTokens(info);
  const bytes = await input.bytes();
  for (let at = 0; at < MAX_BYTES && at < bytes.byteLength && !info.ended; at += PIECE_BYTES) {
    context.signal.throwIfAborted();
    tokens.write(bytes.subarray(at, at + PIECE_BYTES));
  }
  return info.facts();
}

interface Field {
  text: string;
  readonly numbers: Map<string, number>;
}

class InfoHandler implements RtfHandler {
  ended = false;
  #depth = 0;
  /** The depth of the group `\info`. */
  #infoDepth: number | null = null;
  readonly #fields = new Map<string, Field>();
  #field: Field | null = null;
  #encoding = DEFAULT_ENCODING;
  #bytes: number[] = [];
  /** How many bytes repeat a Unicode character for old programs, and how many of them are still to be skipped. */
  #fallback = 1;
  #skip = 0;

  open(): void {
    this.#flush();
    this.#depth += 1;
  }

  close(): void {
    this.#flush();
    this.#field = null;
    this.#skip = 0;
    if (this.#depth === this.#infoDepth) this.ended = true;
    this.#depth -= 1;
  }

  word(name: string, value: number | null): void {
    if (this.ended) return;
    this.#flush();
    if (name === "ansicpg") this.#encoding = encodingOfCodePage(value ?? 0);
    else if (name === "uc") this.#fallback = Math.min(Math.max(value ?? 1, 0), 8);
    else if (name === "info") this.#infoDepth ??= this.#depth;
    else if (this.#infoDepth === null) return;
    else if (name === "u") this.#unicode(value ?? 0);
    else if (this.#field !== null) this.#field.numbers.set(name, value ?? 0);
    else if (this.#depth === this.#infoDepth + 1) this.#begin(name);
  }

  symbol(character: string): void {
    this.#flush();
    if (character === "~") this.#add("\u00a0");
    else if (character === "_") this.#add("\u2011");
  }

  byte(byte: number): void {
    if (this.#field === null || this.ended) return;
    if (this.#skip > 0) this.#skip -= 1;
    else if (this.#bytes.length < MAX_LENGTH) this.#bytes.push(byte);
  }

  facts(): RawFacts {
    const text = (name: string) => this.#fields.get(name)?.text;
    const author = text("author");
    return {
      title: text("title"),
      authors: author === undefined ? [] : [author],
      description: text("subject"),
      created: this.#time("creatim"),
      modified: this.#time("revtim"),
    };
  }

  /** The first field of each name counts. */
  #begin(name: string): void {
    this.#field = { text: "", numbers: new Map() };
    if (!this.#fields.has(name) && FIELDS.has(name)) this.#fields.set(name, this.#field);
  }

  #unicode(value: number): void {
    // A signed 16-bit number.
    this.#add(String.fromCharCode(value & 0xffff));
    this.#skip = this.#fallback;
  }

  #flush(): void {
    if (this.#bytes.length === 0) return;
    const bytes = Uint8Array.from(this.#bytes);
    this.#bytes = [];
    this.#add(new TextDecoder(this.#encoding).decode(bytes));
  }

  #add(text: string): void {
    if (this.#field !== null && this.#field.text.length < MAX_LENGTH) this.#field.text += text;
  }

  /** Local time without a time zone. LibreOffice writes zeros for a missing time. */
  #time(name: string): string | undefined {
    const numbers = this.#fields.get(name)?.numbers;
    if (numbers === undefined) return undefined;
    const two = (unit: string) => String(numbers.get(unit) ?? 0).padStart(2, "0");
    const day = `${String(numbers.get("yr") ?? 0).padStart(4, "0")}-${two("mo")}-${two("dy")}`;
    return `${day}T${two("hr")}:${two("min")}:${two("sec")}`;
  }
}

const FIELDS: ReadonlySet<string> = new Set(["title", "author", "subject", "creatim", "revtim"]);
