import type { Attributes, MarkupHandler } from "../formats/markup.ts";

export interface Element {
  /** As `readXml` names it: `dc:title`. */
  readonly name: string;
  readonly attributes: Attributes;
  /** Its own text, without that of nested elements. */
  readonly text: string;
}

/** More titles, authors and sheets than any real document has. */
const MAX_ELEMENTS = 10_000;
/** UTF-16 units. */
const MAX_TEXT_LENGTH = 8_192;

/** Collects the elements with certain names, in the order in which they end. */
export class ElementCollector implements MarkupHandler {
  readonly #names: ReadonlySet<string>;
  readonly #open: { name: string; attributes: Attributes; text: string }[] = [];
  readonly #found: Element[] = [];

  constructor(names: readonly string[]) {
    this.#names = new Set(names);
  }

  /** The attributes of the first element of this name, empty if it is missing. */
  attributes(name: string): Attributes {
    return this.#found.find((element) => element.name === name)?.attributes ?? {};
  }

  /** The texts of all elements of this name. */
  texts(name: string): string[] {
    return this.all(name).map(({ text }) => text);
  }

  all(name: string): Element[] {
    return this.#found.filter((element) => element.name === name);
  }

  get done(): boolean {
    return this.#found.length >= MAX_ELEMENTS;
  }

  open(name: string, attributes: Attributes): void {
    this.#open.push({ name, attributes, text: "" });
  }

  text(text: string): void {
    const element = this.#open.at(-1);
    if (element !== undefined && element.text.length < MAX_TEXT_LENGTH) element.text += text;
  }

  close(): void {
    const element = this.#open.pop();
    if (element !== undefined && this.#names.has(element.name)) this.#found.push(element);
  }
}
