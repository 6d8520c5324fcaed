import type { TextCollector } from "./collector.ts";

/** White space that a browser shows as one space. A no-break space is just a space in text. */
const SPACES = /[ \t\n\f\r\u00a0]+/g;

/** Text that flows as in a browser: white space collapses, and breaks count only if text follows. */
export class HtmlFlow {
  readonly #sink: Pick<TextCollector, "add"> | null;
  #held = "";
  #begun = false;
  #full = false;
  /** Separates the last text from the next: a space, or this many line ends. */
  #space = false;
  #breaks = 0;
  /** Line ends of preformatted text, which count only if more follows. */
  #openLines = 0;
  #atPreformattedStart = false;

  constructor(sink: Pick<TextCollector, "add"> | null) {
    this.#sink = sink;
  }

  /** Keeps its text instead of sending it. */
  static held(): HtmlFlow {
    return new HtmlFlow(null);
  }

  get text(): string {
    return this.#held;
  }

  /** There is no room for more. */
  get full(): boolean {
    return this.#full;
  }

  add(text: string): void {
    const words = text.replace(SPACES, " ");
    const start = words.startsWith(" ") ? 1 : 0;
    const end = words.endsWith(" ") ? words.length - 1 : words.length;
    this.#space ||= start === 1;
    if (end <= start) return;
    this.#put(words.slice(start, end));
    this.#space = end < words.length;
  }

  beginPreformatted(): void {
    this.#atPreformattedStart = true;
    this.#openLines = 0;
  }

  /** Unchanged, except for a line end right after the tag and those at its end. */
  addPreformatted(text: string): void {
    const lines = text.replaceAll("\r\n", "\n");
    const start = this.#atPreformattedStart && lines.startsWith("\n") ? 1 : 0;
    this.#atPreformattedStart = false;
    let end = lines.length;
    while (end > start && lines[end - 1] === "\n") end -= 1;
    if (end > start) this.#put("\n".repeat(this.#openLines) + lines.slice(start, end));
    this.#openLines = end > start ? lines.length - end : this.#openLines + lines.length - start;
  }

  /** Add a separate, unchanged line. */
  addLine(line: string): void {
    this.endBlock(1);
    if (line !== "") this.#put(line);
    this.endBlock(1);
  }

  /** Append the text of `other`, and continue in its state. */
  take(other: HtmlFlow): void {
    if (other.#held !== "") this.#put(other.#held);
    this.#space = other.#space;
    this.#breaks = Math.max(this.#breaks, other.#breaks);
  }

  /** Two in a row make a blank line. */
  lineBreak(): void {
    this.#breaks = Math.min(this.#breaks + 1, 2);
    this.#space = false;
  }

  /** @param breaks Minimum number of line ends. A block without text adds none. */
  endBlock(breaks: 1 | 2): void {
    this.#breaks = Math.max(this.#breaks, breaks);
    this.#space = false;
    this.#openLines = 0;
  }

  #put(text: string): void {
    if (this.#begun) {
      if (this.#breaks > 0) this.#send("\n".repeat(this.#breaks));
      else if (this.#space) this.#send(" ");
    }
    this.#begun = true;
    this.#breaks = 0;
    this.#space = false;
    this.#send(text);
  }

  #send(text: string): void {
    if (this.#sink === null) this.#held += text;
    else if (!this.#full) this.#full = !this.#sink.add(text);
  }
}
