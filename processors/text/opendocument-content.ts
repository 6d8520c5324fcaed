import type { Attributes, MarkupHandler } from "../formats/markup.ts";
import { BlockWriter } from "./block-writer.ts";
import { BoundedText } from "./bounded-text.ts";

/** Elements inside a paragraph that contain paragraphs themselves. */
const BOXES = new Set(
  "text-box caption circle connector custom-shape ellipse line measure path polygon polyline rect regular-polygon"
    .split(" ")
    .map((name) => `draw:${name}`),
);
const PARAGRAPHS = new Set(["text:p", "text:h"]);
const CELLS = new Set(["table:table-cell", "table:covered-table-cell"]);
const MAX_SPACES = 1_000;

/** The content of a text document, a presentation or a drawing, or a piece of it. */
export class ContentHandler implements MarkupHandler {
  /** Footnotes and endnotes, in the order of their references. */
  readonly notes: string[] = [];
  readonly #content: BlockWriter;
  readonly #gap: string;
  readonly #maxNotesLength: number;
  /** Where text goes: the content itself, or a note. */
  #writer: BlockWriter;
  #note: BoundedText | null = null;
  #notesLength = 0;
  #paragraphs = 0;

  /**
   * @param gap Between paragraphs of the same page.
   * @param maxNotesLength How much of all notes is kept, in UTF-16 units.
   */
  constructor(content: BlockWriter, gap: string, maxNotesLength: number) {
    this.#content = content;
    this.#writer = content;
    this.#gap = gap;
    this.#maxNotesLength = maxNotesLength;
  }

  get done(): boolean {
    return this.#content.full;
  }

  open(name: string, attributes: Attributes): void {
    if (PARAGRAPHS.has(name)) this.#paragraphs += 1;
    else if (name === "text:s") this.#writer.write(" ".repeat(spaces(attributes["text:c"])));
    else if (name === "text:tab") this.#writer.write("\t");
    else if (name === "text:line-break") this.#writer.write("\n");
    else if (name === "text:note") this.#writer.write(`[${this.notes.length + 1}]`);
    else if (name === "text:note-body") this.#beginNote();
    else if (name === "table:table") this.#writer.beginTable();
    else if (name === "draw:page" || name === "presentation:notes") this.#writer.separate();
    else if (BOXES.has(name)) this.#writer.beginTextBox();
  }

  close(name: string): void {
    if (PARAGRAPHS.has(name)) this.#endParagraph();
    else if (CELLS.has(name)) this.#writer.endCell();
    else if (name === "table:table-row") this.#writer.endRow();
    else if (name === "table:table") this.#writer.endTable();
    else if (name === "text:note-body") this.#endNote();
    else if (BOXES.has(name)) this.#endBox();
  }

  /** White space collapses as in HTML. Further spaces are elements. */
  text(text: string): void {
    if (this.#paragraphs > 0) this.#writer.write(text.replace(/[ \t\r\n]+/g, " "));
  }

  #endParagraph(): void {
    this.#paragraphs -= 1;
    this.#writer.endBlock(this.#gap);
  }

  #endBox(): void {
    this.#writer.separate();
    this.#writer.endTextBox();
  }

  #beginNote(): void {
    this.#note = new BoundedText(this.#maxNotesLength - this.#notesLength);
    this.#writer = new BlockWriter(this.#note);
  }

  #endNote(): void {
    const note = this.#note?.text ?? "";
    this.#notesLength += note.length;
    this.notes.push(note);
    this.#note = null;
    this.#writer = this.#content;
  }
}

function spaces(count = "1"): number {
  return Math.min(Math.max(Number.parseInt(count, 10) || 1, 1), MAX_SPACES);
}
