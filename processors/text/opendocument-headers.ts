import type { Attributes, MarkupHandler } from "../formats/markup.ts";
import { BlockWriter } from "./block-writer.ts";
import { BoundedText } from "./bounded-text.ts";
import { ContentHandler } from "./opendocument-content.ts";

const HEADER_OR_FOOTER = /^style:(header|footer)(?:-left|-first)?$/;

/** The headers and footers in the styles of a text document. Repeated texts count once. */
export class HeadersHandler implements MarkupHandler {
  readonly headers = new Set<string>();
  readonly footers = new Set<string>();
  readonly #maxLength: number;
  #length = 0;
  #text = new BoundedText(0);
  #content: ContentHandler | null = null;

  /** @param maxLength How much is kept in total, in UTF-16 units. */
  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  get done(): boolean {
    return this.#length > this.#maxLength;
  }

  open(name: string, attributes: Attributes): void {
    if (this.#content === null && HEADER_OR_FOOTER.test(name)) {
      this.#text = new BoundedText(this.#maxLength - this.#length);
      this.#content = new ContentHandler(new BlockWriter(this.#text), "\n", 0);
    } else {
      this.#content?.open(name, attributes);
    }
  }

  close(name: string): void {
    this.#content?.close(name);
    const [, kind] = HEADER_OR_FOOTER.exec(name) ?? [];
    if (kind === undefined) return;
    (kind === "header" ? this.headers : this.footers).add(this.#text.text);
    this.#length += this.#text.text.length;
    this.#content = null;
  }

  text(text: string): void {
    this.#content?.text(text);
  }
}
