import { Parser } from "htmlparser2";
import { StowageError } from "../../src/processor.ts";

/** Attributes of an element by name. Without a prototype: `constructor` is a name like any other. */
export type Attributes = Readonly<Record<string, string>>;

/** What happens in a document, in its order. Every `open` has its `close`, whatever the document forgot. */
export interface MarkupHandler {
  open?(name: string, attributes: Attributes): void;
  close?(name: string): void;
  /** Entities are resolved; one text may come in several pieces. */
  text?(text: string): void;
  /** Once true, no more is read. Looked at between chunks. */
  readonly done?: boolean;
}

export interface MarkupOptions {
  /**
   * `xml` keeps the case of names, knows the five entities of XML, and wants every element closed by its
   * own tag. `html` reads what browsers read, names in lower case; `xhtml` is that with `<br/>` for any name.
   */
  readonly mode: "xml" | "html" | "xhtml";
  readonly signal: AbortSignal;
}

/** Elements inside each other; the deepest of real documents has some hundred. */
const MAX_DEPTH = 1_000;
const MAX_ATTRIBUTES = 1_000;
/** UTF-16 units of one tag, comment or CDATA section, which are held until they end. */
const MAX_TOKEN_LENGTH = 8 * 1024 * 1024;

/**
 * Read markup as it comes: `handler` hears of every element and text, nothing is kept.
 *
 * Nothing outside the document is ever looked at: a document type is skipped, entities that it declares are
 * none.
 *
 * @throws {StowageError} `document_unreadable` for XML that is cut off, not well-formed or declares
 *   entities; `document_too_complex` beyond the limits of depth and of the length of a tag.
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
  /** Where the tag ends that was opened last: `<a/>` is opened and closed at one place. */
  let openedAt = -1;
  const parser = new Parser(
    {
      onopentagname(name) {
        attributes = Object.create(null);
        attributeCount = 0;
        // An empty name is a `form` in a form, which HTML ignores.
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
        // An internal subset: where entities, and entities of entities, are declared.
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
