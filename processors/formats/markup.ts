import { Parser } from "htmlparser2";
import { StowageError } from "../../src/processor.ts";

/** Attributes of an element by name. Without a prototype, because `constructor` is a valid name. */
export type Attributes = Readonly<Record<string, string>>;

/** Receives the parts of a document in order. Every `open` has a `close`, even if the document lacks it. */
export interface MarkupHandler {
  open?(name: string, attributes: Attributes): void;
  close?(name: string): void;
  /** Entities are resolved. A text may come in several pieces. */
  text?(text: string): void;
  /** Stops reading once true. Checked between chunks. */
  readonly done?: boolean;
}

export interface MarkupOptions {
  /**
   * `xml` keeps the case of names, knows the five entities of XML, and requires an end tag for every element.
   * `html` reads like a browser, with names in lower case. `xhtml` is `html` plus `<br/>` for any name.
   */
  readonly mode: "xml" | "html" | "xhtml";
  readonly signal: AbortSignal;
}

/** Nesting of elements. Real documents have a hundred levels at most. */
const MAX_DEPTH = 1_000;
const MAX_ATTRIBUTES = 1_000;
/** UTF-16 units of one tag, comment or CDATA section, which is held in memory until it ends. */
const MAX_TOKEN_LENGTH = 8 * 1024 * 1024;

/**
 * Read markup as it arrives, and pass every element and text to `handler`. Nothing is kept.
 *
 * Nothing outside the document is read. Document types are skipped, and entities that they declare do not exist.
 *
 * @throws {StowageError} `document_unreadable` for XML that is truncated, not well-formed or declares
 *   entities; `document_too_complex` if the nesting or a tag exceeds its limit.
 */
export async function readMarkup(
  pieces: AsyncIterable<string> | Iterable<string>,
  handler: MarkupHandler,
  { mode, signal }: MarkupOptions,
): Promise<void> {
  const strict = mode === "xml";
  let depth = 0;
  let elements = 0;
  let attributeCount = 0;
  let attributes: Record<string, string> = Object.create(null);
  /** Where the last opening tag ends: `<a/>` opens and closes at the same place. */
  let openedAt = -1;
  const parser = new Parser(
    {
      onopentagname(name) {
        attributes = Object.create(null);
        attributeCount = 0;
        // An empty name is a nested `form`, which HTML ignores.
        if (name !== "" && depth >= MAX_DEPTH)
          throw tooComplex("its elements are nested too deeply");
      },
      onattribute(name, value) {
        attributeCount += 1;
        if (attributeCount > MAX_ATTRIBUTES) throw tooComplex("an element has too many attributes");
        attributes[name] ??= value;
      },
      onopentag(name) {
        depth += 1;
        elements += 1;
        openedAt = parser.endIndex;
        handler.open?.(name, attributes);
      },
      onclosetag(name, isImplied) {
        if (strict && isImplied && parser.endIndex !== openedAt) throw notWellFormed();
        depth -= 1;
        handler.close?.(name);
      },
      ontext(text) {
        handler.text?.(text);
      },
      onprocessinginstruction(name, data) {
        // An internal subset, which can declare entities.
        if (strict && name.startsWith("!") && data.includes("[")) throw declaresEntities();
      },
    },
    { xmlMode: strict, recognizeSelfClosing: mode !== "html", recognizeCDATA: mode !== "html" },
  );
  let length = 0;
  for await (const piece of pieces) {
    signal.throwIfAborted();
    length += piece.length;
    parser.write(piece);
    if (handler.done === true) return;
    if (length - parser.endIndex > MAX_TOKEN_LENGTH) throw tooComplex("a tag is too long");
  }
  if (strict && (depth > 0 || elements === 0)) throw notWellFormed();
  parser.end();
}

function notWellFormed(): StowageError {
  return new StowageError(
    "document_unreadable",
    "Cannot read document: its XML is truncated or not well-formed",
  );
}

function declaresEntities(): StowageError {
  return new StowageError(
    "document_unreadable",
    "Cannot read document: its XML declares entities, which documents of this format must not",
  );
}

function tooComplex(found: string): StowageError {
  return new StowageError("document_too_complex", `Cannot read document: ${found}`);
}
