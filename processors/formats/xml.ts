import type { ByteStream } from "../../src/processor.ts";
import { type Attributes, type MarkupHandler, readMarkup } from "./markup.ts";
import { PREFIXES } from "./namespaces.ts";
import { decodeXml } from "./xml-encoding.ts";

export interface XmlOptions {
  readonly signal: AbortSignal;
  /** Elements that are skipped with their content. */
  readonly ignore?: ReadonlySet<string>;
}

/**
 * Read XML as it arrives. Names have the prefixes of {@link PREFIXES}, whatever prefixes the document uses.
 * `?:name` is in an unknown namespace, a bare name in none.
 *
 * @throws {StowageError} As `readMarkup` and `decodeXml` do.
 */
export async function readXml(
  bytes: ByteStream,
  handler: MarkupHandler,
  { signal, ignore = new Set() }: XmlOptions,
): Promise<void> {
  await readMarkup(decodeXml(bytes), new QualifiedHandler(handler, ignore), {
    mode: "xml",
    signal,
  });
}

/** The meaning of prefixes from an element on. */
interface Scope {
  readonly depth: number;
  /** The empty prefix is the default namespace. */
  readonly prefixes: ReadonlyMap<string, string>;
  /** Written names to qualified names, filled as they occur. */
  readonly elements: Map<string, string>;
  readonly attributes: Map<string, string>;
}

class QualifiedHandler implements MarkupHandler {
  readonly #handler: MarkupHandler;
  readonly #ignore: ReadonlySet<string>;
  readonly #scopes: Scope[] = [];
  #scope = scope(0, new Map());
  #depth = 0;
  /** The depth of the skipped element, or 0. */
  #ignoredFrom = 0;

  constructor(handler: MarkupHandler, ignore: ReadonlySet<string>) {
    this.#handler = handler;
    this.#ignore = ignore;
  }

  get done(): boolean {
    return this.#handler.done === true;
  }

  open(written: string, attributes: Attributes): void {
    this.#depth += 1;
    if (this.#ignoredFrom > 0) return;
    const qualified = this.#attributes(attributes);
    const name = this.#element(written);
    if (this.#ignore.has(name)) this.#ignoredFrom = this.#depth;
    else this.#handler.open?.(name, qualified);
  }

  close(written: string): void {
    if (this.#ignoredFrom === 0) this.#handler.close?.(this.#element(written));
    if (this.#ignoredFrom === this.#depth) this.#ignoredFrom = 0;
    if (this.#scope.depth === this.#depth) this.#scope = this.#scopes.pop() ?? this.#scope;
    this.#depth -= 1;
  }

  text(text: string): void {
    if (this.#ignoredFrom === 0) this.#handler.text?.(text);
  }

  #element(written: string): string {
    const { elements, prefixes } = this.#scope;
    let name = elements.get(written);
    if (name === undefined) {
      const colon = written.indexOf(":");
      name = qualify(prefixes, written.slice(0, Math.max(colon, 0)), written.slice(colon + 1));
      elements.set(written, name);
    }
    return name;
  }

  /** Removes declarations, which already apply to their own element. */
  #attributes(written: Attributes): Attributes {
    let declares = false;
    let renamed = false;
    for (const key in written) {
      if (isDeclaration(key)) declares = true;
    }
    if (declares) this.#declare(written);
    for (const key in written) renamed ||= this.#attribute(key) !== key;
    if (!declares && !renamed) return written;
    const qualified: Record<string, string> = Object.create(null);
    for (const key in written) {
      if (!isDeclaration(key)) qualified[this.#attribute(key)] ??= written[key] as string;
    }
    return qualified;
  }

  #attribute(written: string): string {
    const colon = written.indexOf(":");
    if (colon < 0) return written;
    const { attributes, prefixes } = this.#scope;
    let name = attributes.get(written);
    if (name === undefined) {
      name = qualify(prefixes, written.slice(0, colon), written.slice(colon + 1));
      attributes.set(written, name);
    }
    return name;
  }

  #declare(attributes: Attributes): void {
    const prefixes = new Map(this.#scope.prefixes);
    for (const key in attributes) {
      if (key === "xmlns") prefixes.set("", attributes[key] as string);
      else if (key.startsWith("xmlns:")) prefixes.set(key.slice(6), attributes[key] as string);
    }
    this.#scopes.push(this.#scope);
    this.#scope = scope(this.#depth, prefixes);
  }
}

function isDeclaration(attribute: string): boolean {
  return attribute.startsWith("xmlns") && (attribute.length === 5 || attribute[5] === ":");
}

function scope(depth: number, prefixes: ReadonlyMap<string, string>): Scope {
  return { depth, prefixes, elements: new Map(), attributes: new Map() };
}

function qualify(prefixes: ReadonlyMap<string, string>, prefix: string, local: string): string {
  const namespace = prefixes.get(prefix) ?? "";
  if (prefix === "" && namespace === "") return local;
  return `${PREFIXES.get(namespace) ?? "?"}:${local}`;
}
