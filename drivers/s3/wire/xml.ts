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

/** An element whose end has not come yet. */
interface OpenElement {
  readonly name: string;
  children: XmlElement[] | null;
  text: string;
}

/**
 * Read the subset of XML that S3 answers with: elements, text, the five entities and character references.
 * No document type, no comments, no CDATA: what it does not know is an error, never a guess. Its time and
 * memory are in proportion to `text`.
 *
 * @returns The root element.
 * @throws {StowageError} `storage_unavailable`, saying what is wrong but nothing of the text.
 * @see https://www.w3.org/TR/xml/
 */
export function parseXml(text: string): XmlElement {
  const open: OpenElement[] = [];
  let root: XmlElement | null = null;
  let elements = 0;
  let position = DECLARATION.exec(text)?.[0].length ?? 0;
  for (;;) {
    const start = text.indexOf("<", position);
    const between = text.slice(position, start < 0 ? text.length : start);
    const parent = open.at(-1);
    if (parent !== undefined) parent.text += between;
    else if (NOT_BLANK.test(between)) throw malformed("text outside of its element");
    if (start < 0) break;
    const end = text.indexOf(">", start);
    if (end < 0) throw malformed("it ends inside a tag");
    position = end + 1;
    const tag = TAG.exec(text.slice(start + 1, end));
    if (tag === null) throw malformed("a tag that S3 does not use");
    const [, closing, name = "", attributes, empty] = tag;
    if (closing === "/") {
      if (parent?.name !== name || attributes !== "" || empty === "/") {
        throw malformed("tags that do not match");
      }
      open.pop();
      root = close(parent, open);
    } else {
      if (parent === undefined && root !== null) throw malformed("more than one root");
      if (open.length >= MAX_DEPTH) throw malformed(`more than ${MAX_DEPTH} levels`);
      elements += 1;
      if (elements > MAX_ELEMENTS) throw malformed(`more than ${MAX_ELEMENTS} elements`);
      const element: OpenElement = { name, children: null, text: "" };
      if (empty === "/") root = close(element, open);
      else open.push(element);
    }
  }
  if (open.length > 0) throw malformed("it ends too early");
  if (root === null) throw malformed("it is empty");
  return root;
}

/** Hand an ended element to its parent, which is the innermost still open; the last one is the root. */
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
  // Before replacing, which finds all matches first: megabytes of bare ampersands end at the first.
  if (NO_REFERENCE.test(text)) throw malformed("a reference to no character");
  return text.replace(
    REFERENCE,
    (_match, named?: string, decimal?: string, hexadecimal?: string) => {
      if (named !== undefined) return NAMED[named] ?? "";
      const point =
        decimal === undefined ? Number.parseInt(hexadecimal ?? "", 16) : Number(decimal);
      // S3 writes control characters of keys as references, although XML 1.0 has none.
      const known = point > 0 && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
      if (!known) throw malformed("a reference to no character");
      return String.fromCodePoint(point);
    },
  );
}

/** `text` as the content of an element: also what a reader would change (CR) or could not read. */
export function escapeXml(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: keys may hold them
  return text.replace(/[&<>"'\x00-\x1f\x7f]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** The text of the first child of that name, or `null` if there is none. */
export function childText(element: XmlElement, name: string): string | null {
  for (const child of element.children) if (child.name === name) return child.text;
  return null;
}

function malformed(found: string): StowageError {
  return new StowageError(
    "storage_unavailable",
    `Cannot read response of S3: no XML of S3's, ${found}`,
    {
      retryable: true,
    },
  );
}
