import { StowageError } from "../../../src/driver.ts";
import type { XmlElement } from "./protocol.ts";

/** S3's deepest response has six levels. */
const MAX_DEPTH = 16;
/** A page of 1,000 keys has about 10,000. */
const MAX_ELEMENTS = 200_000;

const DECLARATION = /^\uFEFF?\s*<\?xml\s[^<>]*\?>/;
const NAME = "[A-Za-z_][\\w.-]*";
const TAG = new RegExp(
  `^(/?)(?:${NAME}:)?(${NAME})((?:\\s+[A-Za-z_][\\w.:-]*\\s*=\\s*(?:"[^"]*"|'[^']*'))*)\\s*(/?)$`,
);
const REFERENCE = /&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([\dA-Fa-f]{1,6}));/g;
const NO_REFERENCE = /&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[\dA-Fa-f]{1,6});)/;
const NAMED: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};
const NOT_BLANK = /\S/;
const NO_CHILDREN: readonly XmlElement[] = Object.freeze([]);

/** An element that is not closed yet. */
interface OpenElement {
  readonly name: string;
  children: XmlElement[] | null;
  text: string;
}

/**
 * Parse the subset of XML that S3 sends: elements, text, the five entities and character references. Document types,
 * comments and CDATA are errors. Time and memory are proportional to the length of `text`.
 *
 * @returns The root element.
 * @throws {StowageError} `storage_unavailable`. Its message quotes nothing of the text.
 * @see https://www.w3.org/TR/xml/
 */
export function parseXml(text: string): XmlElement {
  const tree = new XmlTree();
  let position = DECLARATION.exec(text)?.[0].length ?? 0;
  for (;;) {
    const start = text.indexOf("<", position);
    tree.addText(text.slice(position, start < 0 ? text.length : start));
    if (start < 0) return tree.end();
    const end = text.indexOf(">", start);
    if (end < 0) throw malformed("it ends inside a tag");
    position = end + 1;
    tree.addTag(text.slice(start + 1, end));
  }
}

/** The elements of a document as they are read. */
class XmlTree {
  readonly #open: OpenElement[] = [];
  #root: XmlElement | null = null;
  #elements = 0;

  addText(text: string): void {
    const parent = this.#open.at(-1);
    if (parent !== undefined) parent.text += text;
    else if (NOT_BLANK.test(text)) throw malformed("text outside of its element");
  }

  /** @param source What stands between `<` and `>`. */
  addTag(source: string): void {
    const tag = TAG.exec(source);
    if (tag === null) throw malformed("a tag that S3 does not use");
    const [, closing, name = "", attributes, empty] = tag;
    const isEmpty = empty === "/";
    if (closing !== "/") this.#begin(name, isEmpty);
    else if (attributes === "" && !isEmpty) this.#close(name);
    else throw malformed("tags that do not match");
  }

  /** @returns The root element. */
  end(): XmlElement {
    if (this.#open.length > 0) throw malformed("it ends too early");
    if (this.#root === null) throw malformed("it is empty");
    return this.#root;
  }

  #begin(name: string, isEmpty: boolean): void {
    if (this.#open.length === 0 && this.#root !== null) throw malformed("more than one root");
    if (this.#open.length >= MAX_DEPTH) throw malformed(`more than ${MAX_DEPTH} levels`);
    this.#elements += 1;
    if (this.#elements > MAX_ELEMENTS) throw malformed(`more than ${MAX_ELEMENTS} elements`);
    const element: OpenElement = { name, children: null, text: "" };
    if (isEmpty) this.#root = close(element, this.#open);
    else this.#open.push(element);
  }

  #close(name: string): void {
    const element = this.#open.pop();
    if (element?.name !== name) throw malformed("tags that do not match");
    this.#root = close(element, this.#open);
  }
}

/** Add a closed element to its parent, the innermost open element. The last one closed is the root. */
function close({ name, children, text }: OpenElement, open: readonly OpenElement[]): XmlElement {
  const element: XmlElement =
    children === null
      ? { name, children: NO_CHILDREN, text: resolveReferences(text) }
      : { name, children, text: "" };
  const parent = open.at(-1);
  if (parent !== undefined) {
    parent.children ??= [];
    parent.children.push(element);
  }
  return element;
}

function resolveReferences(text: string): string {
  if (!text.includes("&")) return text;
  // Checked first, because replacing collects all matches: this stops at the first of many bare ampersands.
  if (NO_REFERENCE.test(text)) throw malformed("an invalid character reference");
  return text.replace(
    REFERENCE,
    (_match, named?: string, decimal?: string, hexadecimal?: string) => {
      if (named !== undefined) return NAMED[named] ?? "";
      const point =
        decimal === undefined ? Number.parseInt(hexadecimal ?? "", 16) : Number(decimal);
      // S3 writes control characters of keys as references, although XML 1.0 has none.
      const known = point > 0 && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
      if (!known) throw malformed("an invalid character reference");
      return String.fromCodePoint(point);
    },
  );
}

/** Escape `text` as the content of an element, including characters that parsers change (CR) or reject. */
export function escapeXml(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: keys may hold them
  return text.replace(/[&<>"'\x00-\x1f\x7f]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** The text of the first child of that name, or `null` if there is none. */
export function childText(element: XmlElement, name: string): string | null {
  for (const child of element.children) if (child.name === name) return child.text;
  return null;
}

function malformed(reason: string): StowageError {
  return new StowageError(
    "storage_unavailable",
    `Cannot read the response of S3: it is not S3's XML: ${reason}`,
    {
      retryable: true,
    },
  );
}
