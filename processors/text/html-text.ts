import type { Attributes, MarkupHandler } from "../formats/markup.ts";
import type { TextCollector } from "./collector.ts";
import { HtmlFlow } from "./html-flow.ts";

/** Elements that show nothing, or no text. */
const SKIPPED = new Set(
  "script style template noscript noembed noframes iframe object svg canvas audio video datalist".split(
    " ",
  ),
);

/** Elements around which a browser leaves a blank line, or that print sets apart. */
const PARAGRAPHS = new Set(
  (
    "address article aside blockquote details dialog dl fieldset figure footer h1 h2 h3 h4 h5 h6 header " +
    "hgroup hr listing main menu nav ol p pre section table title ul xmp"
  ).split(" "),
);
const LINES = new Set(
  (
    "body br caption center dd div dt figcaption form html legend li optgroup option select summary " +
    "tbody td textarea tfoot th thead tr"
  ).split(" "),
);
const LISTS = new Set(["dl", "menu", "ol", "ul"]);
const CELLS = new Set(["td", "th"]);
const PREFORMATTED = new Set(["listing", "pre", "textarea", "xmp"]);

/** A longer row contains part of the page, not table entries. */
const MAX_ROW_LENGTH = 64 * 1024;
/** The maximum span of a cell: https://html.spec.whatwg.org/#attributes-common-to-td-and-th-elements */
const MAX_COLUMNS = 1_000;

interface Row {
  /** Depth of its element, counted from the root. */
  readonly depth: number;
  readonly cells: HtmlFlow[];
  /** Further columns that the last cell takes. */
  spanned: number;
  /** UTF-16 units before white space collapses. */
  length: number;
}

/**
 * The text of an HTML document as a browser shows it without styles: the title, a blank line between
 * paragraphs, a line for each `div`, list item and table row, with tabs between cells. Leaves out scripts,
 * hidden elements, pictures and their fallbacks. Nothing is fetched.
 *
 * Tables used for layout, with tables or long texts in their cells, are read cell by cell.
 */
export class HtmlText implements MarkupHandler {
  readonly #page: HtmlFlow;
  #row: Row | null = null;
  #depth = 0;
  /** Depth of the skipped element, or 0. */
  #skippedAt = 0;
  #lists = 0;
  #preformatted = 0;

  constructor(sink: Pick<TextCollector, "add">) {
    this.#page = new HtmlFlow(sink);
  }

  get done(): boolean {
    return this.#page.full;
  }

  open(name: string, attributes: Attributes): void {
    this.#depth += 1;
    if (this.#skippedAt > 0) return;
    if (SKIPPED.has(name) || isHidden(attributes)) {
      this.#skippedAt = this.#depth;
      return;
    }
    if (name === "table") this.#dissolveRow();
    if (name === "tr") this.#beginRow();
    else if (name === "br") this.#flow.lineBreak();
    else if (CELLS.has(name) && this.#row) this.#beginCell(this.#row, attributes["colspan"]);
    else this.#break(name);
    if (LISTS.has(name)) this.#lists += 1;
    if (PREFORMATTED.has(name)) {
      this.#preformatted += 1;
      this.#flow.beginPreformatted();
    }
  }

  close(name: string): void {
    this.#depth -= 1;
    if (this.#skippedAt > 0) {
      if (this.#depth < this.#skippedAt) this.#skippedAt = 0;
      return;
    }
    if (LISTS.has(name)) this.#lists -= 1;
    if (PREFORMATTED.has(name)) this.#preformatted -= 1;
    if (this.#row !== null && this.#depth < this.#row.depth) this.#endRow(this.#row);
    if (name !== "br") this.#break(name);
  }

  text(text: string): void {
    if (this.#skippedAt > 0) return;
    if (this.#preformatted > 0) this.#flow.addPreformatted(text);
    else this.#flow.add(text);
    if (this.#row === null) return;
    this.#row.length += text.length;
    if (this.#row.length > MAX_ROW_LENGTH) this.#dissolveRow();
  }

  get #flow(): HtmlFlow {
    return this.#row?.cells.at(-1) ?? this.#page;
  }

  #break(name: string): void {
    // A nested list is part of its item.
    if (PARAGRAPHS.has(name)) this.#flow.endBlock(this.#lists > 0 && LISTS.has(name) ? 1 : 2);
    else if (LINES.has(name)) this.#flow.endBlock(1);
  }

  #beginRow(): void {
    this.#dissolveRow();
    this.#page.endBlock(1);
    this.#row = { depth: this.#depth, cells: [], spanned: 0, length: 0 };
  }

  #beginCell(row: Row, colspan = "1"): void {
    if (row.cells.length + row.spanned >= MAX_COLUMNS) {
      this.#dissolveRow();
      return;
    }
    for (let i = 0; i < row.spanned; i += 1) row.cells.push(HtmlFlow.held());
    row.cells.push(HtmlFlow.held());
    row.spanned = Math.min(Number.parseInt(colspan, 10) || 1, MAX_COLUMNS) - 1;
  }

  #endRow({ cells }: Row): void {
    const [only, ...others] = cells.filter(({ text }) => text !== "");
    if (only !== undefined && others.length === 0 && only.text.includes("\n")) {
      this.#dissolveRow();
      return;
    }
    this.#row = null;
    const line = cells.map(({ text }) => text.replace(/\s+/g, " ").trim()).join("\t");
    this.#page.addLine(line.trimEnd());
  }

  /** Not a table row but a page layout: read its cells one after the other. */
  #dissolveRow(): void {
    const cells = this.#row?.cells ?? [];
    this.#row = null;
    for (const cell of cells) {
      this.#page.endBlock(1);
      this.#page.take(cell);
    }
  }
}

function isHidden(attributes: Attributes): boolean {
  const style = attributes["style"];
  return (
    attributes["hidden"] !== undefined || (style !== undefined && /display\s*:\s*none/i.test(style))
  );
}
