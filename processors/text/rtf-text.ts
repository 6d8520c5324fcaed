import { StowageError } from "../../src/processor.ts";
import { DEFAULT_ENCODING, encodingOfCodePage, encodingOfFont } from "../formats/rtf-charsets.ts";
import type { RtfHandler } from "../formats/rtf-tokens.ts";
import { BlockWriter, type TextSink } from "./block-writer.ts";
import { BoundedText } from "./bounded-text.ts";
import { BLOCK_ENDS, CHARACTERS, DESTINATIONS, SKIPPED, SYMBOLS, TEXT_BOXES } from "./rtf-words.ts";

/** Nesting of groups. Word writes a few dozen levels. */
const MAX_DEPTH = 1_000;
const MAX_FONTS = 65_536;
/** Fallback bytes for one character, for programs without Unicode. */
const MAX_FALLBACK = 16;
const MAX_HELD_BYTES = 8 * 1024;
const UTF8_MARK: readonly number[] = [0xef, 0xbb, 0xbf];

/** The state of a group, which nested groups inherit. */
interface Group {
  skipped: boolean;
  hidden: boolean;
  inTable: boolean;
  encoding: string;
  /** How many bytes after `\u` repeat its character. */
  fallback: number;
  /** The kind of the group itself, which nested groups do not inherit. */
  kind: "fonts" | "textBox" | "note" | "header" | "footer" | null;
}

/** A separate text: the document, a note, a header or a footer. */
interface Destination {
  readonly writer: BlockWriter;
  /** `row`: at the start of a row, which may not come. */
  table: "none" | "row" | "cell";
  readonly kept: BoundedText | null;
}

/**
 * The text of an RTF file: headers, paragraphs and tables with `[1]` for a reference to a note, the notes,
 * footers. Leaves out hidden and deleted text, pictures, list numbers and data for programs.
 */
export class RtfText implements RtfHandler {
  readonly #maxLength: number;
  readonly #document: Destination;
  readonly #destinations: Destination[];
  readonly #groups: Group[] = [];
  #group: Group = {
    skipped: false,
    hidden: false,
    inTable: false,
    encoding: DEFAULT_ENCODING,
    fallback: 1,
    kind: null,
  };
  readonly #fonts = new Map<number, string>();
  #font = 0;
  #defaultFont = 0;
  #ansi = DEFAULT_ENCODING;
  readonly #decoders = new Map<string, InstanceType<typeof TextDecoder>>();
  #bytes: number[] = [];
  #toSkip = 0;
  /** After `\*`: readers that do not know the group skip it. */
  #optional = false;
  #begun = false;
  #ended = false;
  #noteCount = 0;
  #keptLength = 0;
  readonly #notes: string[] = [];
  readonly #headers = new Set<string>();
  readonly #footers = new Set<string>();

  /** @param maxLength How much of notes, headers and footers is kept, in UTF-16 units. */
  constructor(sink: TextSink, maxLength: number) {
    this.#maxLength = maxLength;
    this.#document = { writer: new BlockWriter(sink), table: "none", kept: null };
    this.#destinations = [this.#document];
  }

  /** Nothing more will be written: stop reading. */
  get done(): boolean {
    return this.#ended || this.#document.writer.full;
  }

  open(): void {
    if (this.#ended) return;
    if (this.#groups.length >= MAX_DEPTH) {
      throw new StowageError(
        "document_too_complex",
        "Cannot read RTF: its groups are nested too deeply",
      );
    }
    this.#flush();
    this.#toSkip = 0;
    this.#groups.push(this.#group);
    // In the font table, each font is a group.
    this.#group = { ...this.#group, kind: this.#group.kind === "fonts" ? "fonts" : null };
  }

  close(): void {
    if (this.#ended) return;
    this.#flush();
    this.#toSkip = 0;
    this.#optional = false;
    const { kind } = this.#group;
    if (kind === "textBox") this.#destination.writer.endTextBox();
    else if (kind !== null && kind !== "fonts") this.#endDestination(kind);
    this.#group = this.#groups.pop() ?? this.#group;
    if (kind === "fonts") this.#group.encoding = this.#encodingOf(this.#defaultFont);
    this.#ended = this.#begun && this.#groups.length === 0;
  }

  word(name: string, value: number | null): void {
    if (this.#ended) return;
    if (!this.#begun) {
      this.#begin(name);
      return;
    }
    const character = CHARACTERS.get(name);
    if (character !== undefined && this.#toSkip > 0) {
      this.#toSkip -= 1;
      return;
    }
    this.#toSkip = 0;
    this.#flush();
    const optional = this.#optional;
    this.#optional = false;
    if (SKIPPED.has(name) || (optional && !TEXT_BOXES.has(name) && !DESTINATIONS.has(name)))
      this.#group.skipped = true;
    if (this.#group.skipped) return;
    if (this.#group.kind === "fonts") this.#defineFont(name, value ?? 0);
    else if (character !== undefined) this.#write(character);
    else this.#apply(name, value);
  }

  #begin(name: string): void {
    if (name !== "rtf" || this.#groups.length !== 1) throw notRtf();
    this.#begun = true;
  }

  #apply(name: string, value: number | null): void {
    if (BLOCK_ENDS.has(name)) this.#endBlock();
    else if (TEXT_BOXES.get(name) === true) this.#beginTextBox();
    else if (DESTINATIONS.has(name)) this.#beginDestination(DESTINATIONS.get(name) ?? "note");
    else if (!this.#setCharacter(name, value)) this.#setTable(name);
  }

  symbol(character: string): void {
    if (this.#ended || this.#group.skipped) return;
    if (this.#toSkip > 0) this.#toSkip -= 1;
    else if (character === "*") this.#optional = true;
    else if (character === "\n" || character === "\r") this.#endBlock();
    else this.#write(SYMBOLS.get(character) ?? "");
  }

  byte(byte: number): void {
    if (this.#ended || this.#group.skipped || this.#group.kind === "fonts") return;
    if (!this.#begun) {
      // White space and a byte order mark may come first.
      if (byte > 0x20 && !UTF8_MARK.includes(byte)) throw notRtf();
    } else if (this.#toSkip > 0) this.#toSkip -= 1;
    else if (!this.#group.hidden) {
      this.#bytes.push(byte);
      if (this.#bytes.length >= MAX_HELD_BYTES) this.#flush(true);
    }
  }

  /**
   * Write notes and footers, which follow the text.
   *
   * @throws {StowageError} `document_truncated` if the end of the file is missing.
   */
  end(): void {
    if (!this.#begun) throw notRtf();
    if (this.#document.writer.full) return;
    if (!this.#ended)
      throw new StowageError("document_truncated", "Cannot read RTF: the file is truncated");
    this.#endTable(this.#document);
    const { writer } = this.#document;
    writer.endBlock();
    const notes = this.#notes.map((text, i) => `[${i + 1}] ${text}`);
    for (const text of [...notes, ...this.#footers]) {
      writer.write(text);
      writer.endBlock();
    }
  }

  get #destination(): Destination {
    return this.#destinations.at(-1) ?? this.#document;
  }

  /** @returns Whether the word was about characters. */
  #setCharacter(name: string, value: number | null): boolean {
    const group = this.#group;
    switch (name) {
      case "u":
        this.#write(String.fromCharCode((value ?? 0) & 0xffff));
        this.#toSkip = group.fallback;
        return true;
      case "uc":
        group.fallback = Math.min(Math.max(value ?? 1, 0), MAX_FALLBACK);
        return true;
      case "f":
        group.encoding = this.#encodingOf(value ?? 0);
        return true;
      case "plain":
        group.encoding = this.#encodingOf(this.#defaultFont);
        group.hidden = false;
        return true;
      case "v":
      case "deleted":
        group.hidden = value !== 0;
        return true;
      case "deff":
        this.#defaultFont = value ?? 0;
        return true;
      case "mac":
        this.#setAnsi(10000);
        return true;
      case "ansicpg":
        this.#setAnsi(value ?? 0);
        return true;
      case "fonttbl":
        group.kind = "fonts";
        return true;
      default:
        return false;
    }
  }

  #setAnsi(codePage: number): void {
    this.#ansi = encodingOfCodePage(codePage);
    this.#group.encoding = this.#ansi;
  }

  #setTable(name: string): void {
    const destination = this.#destination;
    if (name === "pard") this.#group.inTable = false;
    if (name === "intbl") this.#group.inTable = true;
    if (name === "trowd" || name === "intbl" || name === "cell") {
      if (destination.table === "none") destination.writer.beginTable();
      destination.table = "cell";
    }
    if (name === "cell") destination.writer.endCell();
    if (name === "row" && destination.table !== "none") {
      destination.writer.endRow();
      destination.table = "row";
    }
  }

  #endTable(destination: Destination): void {
    if (destination.table !== "none") destination.writer.endTable();
    destination.table = "none";
  }

  #defineFont(name: string, value: number): void {
    if (name === "f") this.#font = value;
    const encoding =
      name === "fcharset"
        ? encodingOfFont(value)
        : name === "cpg"
          ? encodingOfCodePage(value)
          : null;
    if (encoding !== null && this.#fonts.size < MAX_FONTS) this.#fonts.set(this.#font, encoding);
  }

  #encodingOf(font: number): string {
    return this.#fonts.get(font) ?? this.#ansi;
  }

  #beginTextBox(): void {
    this.#group.kind = "textBox";
    this.#destination.writer.beginTextBox();
  }

  #beginDestination(kind: "note" | "header" | "footer"): void {
    if (kind === "note") {
      this.#noteCount += 1;
      this.#write(`[${this.#noteCount}]`);
    }
    const kept = new BoundedText(this.#maxLength - this.#keptLength);
    this.#destinations.push({ writer: new BlockWriter(kept), table: "none", kept });
    this.#group.kind = kind;
    this.#group.inTable = false;
  }

  #endDestination(kind: "note" | "header" | "footer"): void {
    const destination = this.#destinations.pop();
    if (!destination?.kept) return;
    this.#endTable(destination);
    destination.writer.endBlock();
    const { text } = destination.kept;
    this.#keptLength += text.length;
    if (kind === "note") this.#notes.push(text);
    else if (kind === "footer") this.#footers.add(text);
    else if (!this.#headers.has(text)) {
      this.#headers.add(text);
      const { writer } = this.#document;
      writer.beginTextBox();
      writer.write(text);
      writer.endTextBox();
    }
  }

  #endBlock(): void {
    if (this.#group.skipped || this.#group.hidden) return;
    this.#flush();
    if (!this.#group.inTable && this.#destination.table === "row")
      this.#endTable(this.#destination);
    this.#destination.writer.endBlock();
  }

  /** @param more Whether more bytes of the text follow, so that the last character may be cut in two. */
  #flush(more = false): void {
    if (this.#bytes.length === 0) return;
    const { encoding } = this.#group;
    const decoder = this.#decoders.get(encoding) ?? new TextDecoder(encoding);
    this.#decoders.set(encoding, decoder);
    const text = decoder.decode(Uint8Array.from(this.#bytes), { stream: more });
    this.#bytes = [];
    this.#write(text);
  }

  #write(text: string): void {
    if (text === "" || this.#group.hidden || this.#group.skipped) return;
    this.#flush();
    const destination = this.#destination;
    if (destination.table === "row" && !this.#group.inTable) this.#endTable(destination);
    destination.writer.write(text);
  }
}

function notRtf(): StowageError {
  return new StowageError("document_wrong_type", "Cannot read RTF: not an RTF file");
}
