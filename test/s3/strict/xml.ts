import { S3Error } from "./errors.ts";

const NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/";

/** Content of an element: text, or elements in order. `undefined` leaves an element out. */
export type XmlContent = string | number | boolean | XmlNodes | undefined;
export type XmlNodes = readonly (readonly [name: string, content: XmlContent])[];

function escapeText(text: string): string {
  const escaped = text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
  // S3 writes control characters as references, even those that XML 1.0 forbids.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return escaped.replace(/[\u0000-\u001f\u007f]/g, (c) => `&#x${c.charCodeAt(0).toString(16)};`);
}

function element(name: string, content: XmlContent, attributes = ""): string {
  if (content === undefined) return "";
  const inner = Array.isArray(content)
    ? (content as XmlNodes).map(([child, value]) => element(child, value)).join("")
    : escapeText(String(content));
  return `<${name}${attributes}>${inner}</${name}>`;
}

/** A whole document. Errors carry no namespace, as on S3. */
export function document(name: string, nodes: XmlContent, namespace = true): Uint8Array {
  const root = element(name, nodes, namespace ? ` xmlns="${NAMESPACE}"` : "");
  return Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${root}`);
}

export interface RequestElement {
  readonly name: string;
  readonly children: RequestElement[];
  text: string;
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};

function resolveEntities(text: string): string {
  return text.replace(/&([^;&]*);?/g, (all, name: string) => {
    const digits = /^#(?:x([0-9a-f]+)|([0-9]+))$/i.exec(name);
    const point = digits ? Number.parseInt(digits[1] ?? digits[2] ?? "", digits[1] ? 16 : 10) : -1;
    const resolved = digits && point <= 0x10ffff ? String.fromCodePoint(point) : ENTITIES[name];
    if (resolved === undefined || !all.endsWith(";")) throw malformed();
    return resolved;
  });
}

function malformed(): S3Error {
  return new S3Error(
    "MalformedXML",
    "The XML you provided was not well-formed or did not validate against our published schema",
  );
}

/** Read what clients send: elements and text, nothing else. @throws {S3Error} `MalformedXML`. */
export function parseRequestXml(body: Uint8Array): RequestElement {
  const text = Buffer.from(body).toString("utf8");
  const top: RequestElement = { name: "", children: [], text: "" };
  const open = [top];
  let position = 0;
  for (const match of text.matchAll(/<(\/?)([A-Za-z?][^\s/>]*)([^>]*?)(\/?)>/g)) {
    const [all, closing, name = "", , empty] = match;
    const current = open.at(-1) ?? top;
    current.text += resolveEntities(text.slice(position, match.index));
    position = match.index + all.length;
    if (name.startsWith("?")) continue;
    if (closing) {
      if (open.length === 1 || current.name !== name) throw malformed();
      open.pop();
    } else {
      const child: RequestElement = { name, children: [], text: "" };
      current.children.push(child);
      if (!empty) open.push(child);
    }
  }
  const [root] = top.children;
  if (open.length !== 1 || top.children.length !== 1 || root === undefined) throw malformed();
  if ((top.text + text.slice(position)).trim() !== "") throw malformed();
  return root;
}

/** The text of the only child of that name. @throws {S3Error} `MalformedXML`. */
export function childText(parent: RequestElement, name: string): string {
  const found = parent.children.filter((child) => child.name === name);
  if (found.length !== 1 || found[0] === undefined) throw malformed();
  return found[0].text;
}
