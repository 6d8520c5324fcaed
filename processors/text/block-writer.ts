/** Receives text. `add` returns `false` once there is no room for more. */
export interface TextSink {
  add(piece: string): boolean;
}

/** UTF-16 units of an unfinished block that are held. Longer blocks are sent in parts. */
const MAX_HELD_LENGTH = 64 * 1024;
/** As many columns as a spreadsheet has. */
const MAX_TABS = 16_384;

/**
 * Writes a document as blocks of text: a blank line between paragraphs, and a line for each row of a table,
 * with tabs between cells. Drops blank blocks, and white space at both ends of a block. A cell becomes one line,
 * so that rows stay rows. A table in a cell becomes part of the cell.
 */
export class BlockWriter {
  readonly #sink: TextSink;
  #full = false;
  /** Separates the last written text from the next, if there is more. */
  #gap = "";
  #block = "";
  /** Paragraphs that wait for a text box to be written first. */
  readonly #waiting: string[] = [];
  /** Whether part of the current block or row was already sent. */
  #begun = false;
  #tables = 0;
  #row = "";
  #tabs = 0;
  #cell = "";

  constructor(sink: TextSink) {
    this.#sink = sink;
  }

  /** There is no room for more: stop reading. */
  get full(): boolean {
    return this.#full;
  }

  /** Add to the current paragraph. Line breaks and tabs are text too. */
  write(text: string): void {
    this.#block += text;
    if (this.#block.length > MAX_HELD_LENGTH) this.#sendPart();
  }

  /** End the current paragraph. A blank line, or `gap`, precedes the next. */
  endBlock(gap = "\n\n"): void {
    const block = this.#block;
    this.#block = "";
    if (this.#tables > 0) this.#addToCell(block);
    else this.#end(this.#begun ? block.trimEnd() : block.trim(), gap);
  }

  /** A blank line precedes the next block, except in a cell, because rows stay together. */
  separate(): void {
    this.endBlock();
    if (this.#gap !== "" && this.#tables === 0) this.#gap = "\n\n";
  }

  /** Begin a text box, which is written before the current paragraph. */
  beginTextBox(): void {
    if (this.#begun && this.#tables === 0) this.endBlock();
    this.#waiting.push(this.#block);
    this.#block = "";
  }

  endTextBox(): void {
    this.endBlock();
    this.#block = this.#waiting.pop() ?? "";
  }

  beginTable(): void {
    this.separate();
    this.#tables += 1;
  }

  endCell(): void {
    this.endBlock();
    if (this.#tables > 1) return;
    this.#putCell();
    this.#tabs += 1;
  }

  /** Add one-line text to a row outside of tables, `columns` after the last. */
  cell(text: string, columns: number): void {
    this.#tabs += columns;
    this.#cell = text;
    this.#putCell();
  }

  endRow(): void {
    if (this.#tables > 1) return;
    const row = this.#row;
    this.#row = "";
    this.#tabs = 0;
    this.#end(row, "\n");
  }

  endTable(): void {
    if (this.#tables === 1) {
      this.endCell();
      this.endRow();
    }
    this.#tables = Math.max(0, this.#tables - 1);
    this.separate();
  }

  #addToCell(text: string): void {
    const line = oneLine(text);
    if (line === "") return;
    this.#cell += this.#cell === "" ? line : ` ${line}`;
    if (this.#cell.length > MAX_HELD_LENGTH) this.#putCell();
  }

  #putCell(): void {
    if (this.#cell === "") return;
    this.#row += "\t".repeat(Math.min(this.#tabs, MAX_TABS)) + this.#cell;
    this.#tabs = 0;
    this.#cell = "";
    if (this.#row.length <= MAX_HELD_LENGTH) return;
    this.#send(this.#row);
    this.#row = "";
  }

  /** Send the block so far. Hold back white space at its end, in case the block ends here. */
  #sendPart(): void {
    if (this.#tables > 0) {
      this.endBlock();
      return;
    }
    const ended = this.#block.trimEnd();
    const kept = this.#begun ? ended : ended.trimStart();
    this.#block = kept === "" || ended.length === this.#block.length ? "" : " ";
    if (kept !== "") this.#send(kept);
  }

  #end(rest: string, gap: string): void {
    if (rest !== "") this.#send(rest);
    if (this.#begun) this.#gap = gap;
    this.#begun = false;
  }

  #send(piece: string): void {
    if (!this.#full && !this.#sink.add(this.#gap + piece)) this.#full = true;
    this.#gap = "";
    this.#begun = true;
  }
}

/** White space as single spaces, trimmed. Checks first, because most texts need no change and the check is cheap. */
export function oneLine(text: string): string {
  return /[^\S ]| {2}/.test(text) ? text.replace(/\s+/g, " ").trim() : text.trim();
}
