import type { Attributes, MarkupHandler } from "../formats/markup.ts";
import type { BlockWriter } from "./block-writer.ts";

/** Longer gaps of empty cells in a row are shortened to this. */
const MAX_GAP = 64;
/** The size of a sheet. */
const MAX_COLUMNS = 16_384;
const MAX_ROWS = 1_048_576;

interface Cell {
  readonly text: string;
  /** Distance from the previous cell with text. */
  readonly columns: number;
}

/** The sheets of a spreadsheet: ODF 1.3 part 3, 9.1. Repeated cells and rows are written out. */
export class SheetsHandler implements MarkupHandler {
  readonly #writer: BlockWriter;
  #tables = 0;
  #row: Cell[] = [];
  #gap = 0;
  #rowRepeats = 1;
  #cell: Attributes | null = null;
  #text = "";
  #inParagraph = false;

  constructor(writer: BlockWriter) {
    this.#writer = writer;
  }

  get done(): boolean {
    return this.#writer.full;
  }

  open(name: string, attributes: Attributes): void {
    if (name === "table:table") this.#beginTable(attributes["table:name"] ?? "");
    else if (this.#tables !== 1) return;
    else if (name === "table:table-row") this.#beginRow(attributes);
    else if (name === "table:table-cell" || name === "table:covered-table-cell") {
      this.#cell = attributes;
      this.#text = "";
    } else if (name === "text:p") this.#inParagraph = this.#cell !== null;
    else if (this.#inParagraph && SPACES.has(name)) this.#text += " ";
  }

  close(name: string): void {
    if (name === "table:table") this.#endTable();
    else if (this.#tables !== 1) return;
    else if (name === "table:table-row") this.#endRow();
    else if (name === "table:table-cell" || name === "table:covered-table-cell") this.#endCell();
    else if (name === "text:p") {
      this.#inParagraph = false;
      this.#text += " ";
    }
  }

  text(text: string): void {
    if (this.#inParagraph) this.#text += text;
  }

  #beginTable(name: string): void {
    this.#tables += 1;
    if (this.#tables > 1) return;
    this.#writer.write(name);
    this.#writer.endBlock("\n");
  }

  #endTable(): void {
    this.#tables -= 1;
    if (this.#tables === 0) this.#writer.separate();
  }

  #beginRow(attributes: Attributes): void {
    this.#row = [];
    this.#gap = 0;
    this.#rowRepeats = repeats(attributes["table:number-rows-repeated"], MAX_ROWS);
  }

  #endRow(): void {
    if (this.#row.length === 0) return;
    for (let i = 0; i < this.#rowRepeats && !this.#writer.full; i += 1) {
      for (const { text, columns } of this.#row) this.#writer.cell(text, columns);
      this.#writer.endRow();
    }
  }

  #endCell(): void {
    const times = repeats(this.#cell?.["table:number-columns-repeated"], MAX_COLUMNS);
    const text = storedValue(this.#cell ?? {}, this.#text)
      .replace(/\s+/g, " ")
      .trim();
    this.#cell = null;
    if (text === "") {
      this.#gap += times;
      return;
    }
    for (let i = 0; i < times && this.#row.length < MAX_COLUMNS; i += 1) {
      const first = this.#row.length === 0;
      this.#row.push({ text, columns: Math.min(this.#gap, MAX_GAP) + (first ? 0 : 1) });
      this.#gap = 0;
    }
  }
}

const SPACES = new Set(["text:s", "text:tab", "text:line-break"]);

/** The stored value, if the format could show it in several ways. */
function storedValue(cell: Attributes, shown: string): string {
  switch (cell["office:value-type"]) {
    case "float":
    case "percentage":
    case "currency":
      return cell["office:value"] ?? shown;
    case "date":
      return cell["office:date-value"]?.replace("T", " ") ?? shown;
    case "time":
      return clockTime(cell["office:time-value"]) ?? shown;
    case "boolean":
      return cell["office:boolean-value"]?.toUpperCase() ?? shown;
    default:
      return shown;
  }
}

/** Converts a duration such as `PT18H30M00S` (ODF 1.3 part 3, 19.386) to the form used for XLSX. */
function clockTime(duration = ""): string | null {
  const parts = /^PT(\d{1,9})H(\d{1,2})M(\d{1,2})(?:[.,]\d+)?S$/.exec(duration)?.slice(1);
  return parts?.map((part) => part.padStart(2, "0")).join(":") ?? null;
}

function repeats(count = "1", most: number): number {
  return Math.min(Math.max(Number.parseInt(count, 10) || 1, 1), most);
}
