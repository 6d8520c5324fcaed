import type { Attributes, MarkupHandler } from "../formats/markup.ts";
import { FALLBACK, type OfficePackage } from "../formats/office-package.ts";
import { BlockWriter, type TextSink } from "./block-writer.ts";
import { BoundedText } from "./bounded-text.ts";
import { CheckBox } from "./word-check-box.ts";

/** Properties, tracked deletions, and reading aids above East Asian words. */
const IGNORED = new Set([
  FALLBACK,
  "w:del",
  "w:moveFrom",
  "w:pPr",
  "w:rPr",
  "w:rt",
  "w:sdtPr",
  "w:sectPr",
  "w:tblPr",
]);

const TEXTS = new Set(["w:t", "m:t"]);

const CHARACTERS: ReadonlyMap<string, string> = new Map([
  ["w:tab", "\t"],
  ["w:ptab", "\t"],
  ["w:br", "\n"],
  ["w:cr", "\n"],
  ["w:noBreakHyphen", "\u2011"],
  ["w:softHyphen", "\u00ad"],
]);

/**
 * Write a Word document: headers, the text with `[1]` for a reference to a note, the notes, footers. A text box
 * precedes the paragraph it is anchored to. Includes tracked insertions, but not deletions and comments.
 *
 * @param maxLength How much of the notes, or of a header, is kept, in UTF-16 units.
 */
export async function writeWord(
  document: OfficePackage,
  sink: TextSink,
  maxLength: number,
): Promise<void> {
  const writer = new BlockWriter(sink);
  const parts = await document.relationships(document.main);
  const read = (part: string, handler: MarkupHandler) => document.read(part, handler, IGNORED);
  const partsOf = (type: string) =>
    parts.filter((part) => part.type === type && document.has(part.target));

  /** Sections repeat headers and footers, so equal texts are written once. */
  const writeOnce = async (type: string) => {
    const texts = new Set<string>();
    for (const { target } of partsOf(type)) {
      if (writer.full) return;
      const text = new BoundedText(maxLength);
      await read(target, new BlocksHandler(new BlockWriter(text), new Map()));
      texts.add(text.text);
    }
    for (const text of texts) writeBlock(writer, text);
  };

  await writeOnce("header");
  const references = new Map<string, number>();
  await read(document.main, new BlocksHandler(writer, references));
  const notes = new NotesHandler(references, maxLength);
  for (const type of ["footnotes", "endnotes"]) {
    if (references.size === 0 || writer.full) break;
    for (const { target } of partsOf(type)) await read(target, notes);
  }
  for (const [note, number] of references) {
    writeBlock(writer, `[${number}] ${notes.texts.get(note)?.text ?? ""}`);
  }
  await writeOnce("footer");
}

function writeBlock(writer: BlockWriter, text: string): void {
  writer.write(text);
  writer.endBlock();
}

/** A body, header, footer or note: paragraphs and tables. */
class BlocksHandler implements MarkupHandler {
  readonly #writer: BlockWriter;
  readonly #references: Map<string, number>;
  readonly #checkBox = new CheckBox();
  #inText = false;

  /** @param references Receives the number of each note, by kind and id, in the order of first reference. */
  constructor(writer: BlockWriter, references: Map<string, number>) {
    this.#writer = writer;
    this.#references = references;
  }

  get done(): boolean {
    return this.#writer.full;
  }

  open(name: string, attributes: Attributes): void {
    if (TEXTS.has(name)) this.#inText = true;
    else if (name === "w:tbl") this.#writer.beginTable();
    else if (name === "w:txbxContent") this.#writer.beginTextBox();
    else if (name === "w:sym") this.#writer.write(symbol(attributes["w:char"]));
    else if (name === "w:footnoteReference") this.#refer(`footnote ${attributes["w:id"]}`);
    else if (name === "w:endnoteReference") this.#refer(`endnote ${attributes["w:id"]}`);
    else if (CHARACTERS.has(name)) this.#writer.write(CHARACTERS.get(name) ?? "");
    else this.#checkBox.open(name, attributes["w:val"]);
  }

  close(name: string): void {
    if (TEXTS.has(name)) this.#inText = false;
    else if (name === "w:p") this.#writer.endBlock();
    else if (name === "w:tc") this.#writer.endCell();
    else if (name === "w:tr") this.#writer.endRow();
    else if (name === "w:tbl") this.#writer.endTable();
    else if (name === "w:txbxContent") this.#writer.endTextBox();
    else this.#writer.write(this.#checkBox.close(name));
  }

  text(text: string): void {
    if (this.#inText) this.#writer.write(text);
  }

  #refer(note: string): void {
    const number = this.#references.get(note) ?? this.#references.size + 1;
    this.#references.set(note, number);
    this.#writer.write(`[${number}]`);
  }
}

/** Footnotes or endnotes, each with separate blocks. They may refer to each other. */
class NotesHandler implements MarkupHandler {
  readonly texts = new Map<string, BoundedText>();
  readonly #references: Map<string, number>;
  readonly #maxLength: number;
  #length = 0;
  #blocks: BlocksHandler | undefined;
  #text = new BoundedText(0);

  constructor(references: Map<string, number>, maxLength: number) {
    this.#references = references;
    this.#maxLength = maxLength;
  }

  get done(): boolean {
    return this.#length > this.#maxLength;
  }

  open(name: string, attributes: Attributes): void {
    if (name !== "w:footnote" && name !== "w:endnote") {
      this.#blocks?.open(name, attributes);
      return;
    }
    this.#text = new BoundedText(this.#maxLength - this.#length);
    this.#blocks = new BlocksHandler(new BlockWriter(this.#text), this.#references);
    this.texts.set(`${name.slice(2)} ${attributes["w:id"]}`, this.#text);
  }

  close(name: string): void {
    this.#blocks?.close(name);
    if (name !== "w:footnote" && name !== "w:endnote") return;
    this.#length += this.#text.text.length;
    this.#blocks = undefined;
  }

  text(text: string): void {
    this.#blocks?.text(text);
  }
}

/** Symbol fonts use U+F000–F0FF, which is meaningless without the font. */
function symbol(char = ""): string {
  const code = Number.parseInt(char, 16);
  return code < 0xe000 && code >= 0x20 ? String.fromCharCode(code) : "";
}
