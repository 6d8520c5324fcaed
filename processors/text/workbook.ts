import type { Attributes, MarkupHandler } from "../formats/markup.ts";
import type { OfficePackage } from "../formats/office-package.ts";
import { BlockWriter, oneLine, type TextSink } from "./block-writer.ts";
import { readSharedStrings, type SharedStrings } from "./shared-strings.ts";
import { type DateKind, readDateStyles, toIsoDate } from "./spreadsheet-dates.ts";

/** Longer gaps of empty cells in a row are shortened to this. */
const MAX_GAP = 64;

interface Sheet {
  readonly name: string;
  readonly id: string;
}

interface Workbook {
  readonly sheets: readonly Sheet[];
  /** Whether days are counted from 1904. */
  readonly from1904: boolean;
}

/** Shared data that cells refer to. */
interface CellContext {
  readonly strings: SharedStrings;
  /** By style number. */
  readonly dates: readonly (DateKind | undefined)[];
  readonly from1904: boolean;
}

/**
 * Write a workbook sheet by sheet: its name, then a line for each row with content, with tabs between cells.
 * Numbers are written as stored, dates as ISO 8601, formulas as their last result.
 */
export async function writeWorkbook(document: OfficePackage, sink: TextSink): Promise<void> {
  const writer = new BlockWriter(sink);
  const parts = (await document.relationships(document.main)).filter(({ target }) =>
    document.has(target),
  );
  const partOf = (type: string) => parts.find((part) => part.type === type)?.target;
  const { sheets, from1904 } = await readWorkbook(document);
  const context = {
    strings: await readSharedStrings(document, partOf("sharedStrings")),
    dates: await readDateStyles(document, partOf("styles")),
    from1904,
  };
  for (const { name, id } of sheets) {
    if (writer.full) return;
    const part = parts.find((part) => part.id === id);
    if (part === undefined) continue;
    writer.write(name);
    writer.endBlock("\n");
    await document.read(part.target, new SheetHandler(writer, context));
    writer.separate();
  }
}

async function readWorkbook(document: OfficePackage): Promise<Workbook> {
  const sheets = new Map<string, Sheet>();
  let from1904 = false;
  await document.read(document.main, {
    open(element, { name = "", state, date1904, "r:id": id = "" }) {
      if (element === "x:workbookPr") from1904 = date1904 === "1" || date1904 === "true";
      // Programs keep internal data in "very hidden" sheets.
      if (element === "x:sheet" && state !== "veryHidden") sheets.set(id, { name, id });
    },
  });
  return { sheets: [...sheets.values()], from1904 };
}

/** ECMA-376 part 1, 18.3.1: rows of cells. */
class SheetHandler implements MarkupHandler {
  readonly #writer: BlockWriter;
  readonly #context: CellContext;
  /** Columns of the last cell with text and of the current cell. The first is 1. */
  #lastColumn = 0;
  #column = 0;
  #type = "";
  #style = 0;
  #value = "";
  #inValue = false;

  constructor(writer: BlockWriter, context: CellContext) {
    this.#writer = writer;
    this.#context = context;
  }

  get done(): boolean {
    return this.#writer.full;
  }

  open(name: string, attributes: Attributes): void {
    if (name === "x:v" || name === "x:t") {
      this.#inValue = true;
    } else if (name === "x:c") {
      this.#column = columnOf(attributes["r"]) ?? this.#column + 1;
      this.#type = attributes["t"] ?? "n";
      this.#style = Number(attributes["s"] ?? 0);
      this.#value = "";
    }
  }

  close(name: string): void {
    if (name === "x:v" || name === "x:t") {
      this.#inValue = false;
    } else if (name === "x:c") {
      this.#endCell();
    } else if (name === "x:row") {
      this.#writer.endRow();
      this.#lastColumn = 0;
      this.#column = 0;
    }
  }

  text(text: string): void {
    if (this.#inValue) this.#value += text;
  }

  #endCell(): void {
    const text = oneLine(this.#text());
    if (text === "") return;
    // Unordered cells simply follow each other.
    const gap = Math.min(Math.max(this.#column - this.#lastColumn - 1, 0), MAX_GAP);
    this.#writer.cell(text, this.#lastColumn === 0 ? gap : gap + 1);
    this.#lastColumn = this.#column;
  }

  #text(): string {
    const value = this.#value;
    const { strings, dates, from1904 } = this.#context;
    if (this.#type === "s") return strings.get(Number(value));
    if (this.#type === "b") return value.trim() === "1" ? "TRUE" : "FALSE";
    const date = this.#type === "n" ? dates[this.#style] : undefined;
    if (date === undefined || value === "") return value;
    return toIsoDate(Number(value), date, from1904) ?? value;
  }
}

/** The column of a reference such as `AB12`. */
function columnOf(reference = ""): number | undefined {
  let column = 0;
  for (const letter of reference.slice(0, 3)) {
    const digit = letter.charCodeAt(0) - 64;
    if (digit < 1 || digit > 26) break;
    column = column * 26 + digit;
  }
  return column === 0 ? undefined : column;
}
