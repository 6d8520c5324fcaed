import { fileTypeFromBuffer } from "file-type";
import { findMediaType } from "../domain/media-type.ts";
import type { Sniffer } from "../domain/ports/sniffer.ts";
import { compoundTypeOf } from "./compound-head.ts";
import { isPlainText } from "./plain-text.ts";
import { mayBe } from "./signatures.ts";

/** Office documents are zip files whose telling entries come after others; 4 KiB do for all the rest. */
const HEAD_BYTES = 65_536;

/** A PDF may begin with junk of this length (ISO 32000-1, annex H.3.4.1). */
const PDF_JUNK_BYTES = 1024;

/** Trace headers of a message that went through many servers are about as long. */
const TEXT_HEAD_BYTES = 16_384;

const OOXML = "application/vnd.openxmlformats-officedocument";

/** What a folder inside an Office Open XML file says about it. */
const OOXML_FOLDERS: readonly (readonly [string, string])[] = [
  ["word/", `${OOXML}.wordprocessingml.document`],
  ["xl/", `${OOXML}.spreadsheetml.sheet`],
  ["ppt/", `${OOXML}.presentationml.presentation`],
];

/**
 * Tells types by `file-type`, and what it leaves open: markup that a browser would run (HTML, SVG), PDFs
 * behind junk, messages, office documents cut off before the entry that names them.
 *
 * Plain text says nothing about itself (CSV? Markdown?): `null`, so that the declared type counts.
 */
export const sniffer: Sniffer = {
  headBytes: HEAD_BYTES,
  async sniff(whole) {
    const head = whole.subarray(0, HEAD_BYTES);
    const markup = sniffMarkup(head);
    if (markup !== null) return markup;
    const found = await fileTypeOf(head);
    if (found === null) return sniffText(head);
    if (found === "application/x-cfb") return compoundTypeOf(head);
    return found === "application/zip" ? sniffZip(head) : found;
  },
  mayBe(whole, mediaType) {
    return mayBe(whole.subarray(0, HEAD_BYTES), mediaType);
  },
  isText(whole) {
    return isPlainText(whole.subarray(0, HEAD_BYTES));
  },
};

async function fileTypeOf(head: Uint8Array): Promise<string | null> {
  try {
    return findMediaType((await fileTypeFromBuffer(head))?.mime);
  } catch {
    // A damaged file says nothing; only its own parser may complain of it.
    return null;
  }
}

/** Tags that begin an HTML document. @see https://mimesniff.spec.whatwg.org/#identifying-a-resource-with-an-unknown-mime-type */
const HTML =
  /^(?:<!--|<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p)[\s>])/i;

/** What begins with a tag runs as a page if somebody serves it as one, whatever it was declared as. */
function sniffMarkup(head: Uint8Array): string | null {
  const text = findMarkup(head);
  if (text === null) return null;
  const root = skipProlog(text);
  if (/^<(?:[\w-]+:)?svg[\s/>]/i.test(root) || /^<!doctype svg[\s>]/i.test(text)) {
    return "image/svg+xml";
  }
  if (text.startsWith("<?xml")) {
    return /^<(?:[\w-]+:)?html[\s>]/i.test(root) ? "application/xhtml+xml" : null;
  }
  return HTML.test(text) ? "text/html" : null;
}

/** The text from its first `<`, if nothing but white space comes before. */
function findMarkup(head: Uint8Array): string | null {
  const [first, second] = head;
  const little = first === 0xff && second === 0xfe;
  if (little || (first === 0xfe && second === 0xff)) {
    const text = new TextDecoder(little ? "utf-16le" : "utf-16be").decode(head).trimStart();
    return text.startsWith("<") ? text : null;
  }
  let start = first === 0xef && second === 0xbb && head[2] === 0xbf ? 3 : 0;
  while (isSpace(head[start])) start += 1;
  return head[start] === 0x3c ? new TextDecoder().decode(head.subarray(start)) : null;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09 || byte === 0x0c;
}

/** XML's prolog: declaration, instructions, comments and document type. */
const PROLOG: readonly (readonly [RegExp, string])[] = [
  [/^<\?/, "?>"],
  [/^<!--/, "-->"],
  [/^<!doctype[^[>]*\[/i, "]>"],
  [/^<!doctype/i, ">"],
];

function skipProlog(text: string): string {
  let rest = text;
  for (;;) {
    const item = PROLOG.find(([opening]) => opening.test(rest));
    const end = item === undefined ? -1 : rest.indexOf(item[1]);
    if (item === undefined || end < 0) return rest;
    rest = rest.slice(end + item[1].length).trimStart();
  }
}

function sniffText(head: Uint8Array): string | null {
  const start = new TextDecoder("latin1").decode(head.subarray(0, TEXT_HEAD_BYTES));
  // At the beginning of a line or after binary junk: a text that speaks of `%PDF-1.4` is none.
  if (/(?:^|[^\t\x20-\x7e])%PDF-\d/.test(start.slice(0, PDF_JUNK_BYTES))) return "application/pdf";
  return isMessage(start) ? "message/rfc822" : null;
}

/** Headers that mail servers and programs write; the first are in every message that was sent. */
const MAIL_HEADER =
  /^(?:from|date|received|message-id|to|cc|subject|sender|reply-to|return-path|delivered-to|mime-version|dkim-signature|content-type|x-[\w-]+|arc-[\w-]+|authentication-results)$/;
const MIN_MAIL_HEADERS = 3;

/** Three headers of mail before anything else, one of them telling from whom (RFC 5322, 2.2 and 3.6). */
function isMessage(start: string): boolean {
  const names = new Set<string>();
  for (const line of start.split(/\r?\n/)) {
    if (/^[ \t]/.test(line) && names.size > 0) continue;
    const name = /^([\w-]{1,60}):/.exec(line)?.[1]?.toLowerCase();
    if (name === undefined) break;
    names.add(name);
  }
  const known = [...names].filter((name) => MAIL_HEADER.test(name));
  return known.length >= MIN_MAIL_HEADERS && (names.has("from") || names.has("received"));
}

/**
 * A zip file in which `file-type` saw nothing: by the names of its entries, as far as the head goes.
 *
 * @returns `null` for an office document whose kind does not show yet: what was declared says more.
 */
function sniffZip(head: Uint8Array): string | null {
  const entries = entriesOf(head);
  const names = entries.map(({ name }) => name);
  const has = (name: string) => names.includes(name);
  if (has("[Content_Types].xml") || has("_rels/.rels")) {
    const folder = OOXML_FOLDERS.find(([prefix]) => names.some((name) => name.startsWith(prefix)));
    return folder?.[1] ?? null;
  }
  // Open documents and books name their type in their first entry, but for those that were packed anew.
  const named = entries.find(({ name }) => name === "mimetype");
  const type = named && findMediaType(new TextDecoder().decode(named.bytes));
  if (type && /^application\/(?:epub\+zip|vnd\.oasis\.opendocument\.)/.test(type)) return type;
  if (has("META-INF/container.xml")) return "application/epub+zip";
  return has("META-INF/manifest.xml") && has("content.xml") ? null : "application/zip";
}

/** Of a local file header: `PK\3\4`, flags at 6, method at 8, sizes at 18 and 26 (APPNOTE.TXT, 4.3.7). */
const LOCAL_HEADER = 0x04034b50;
const LOCAL_HEADER_BYTES = 30;
const SIZE_FOLLOWS = 0x08;
const DEFLATED = 8;

interface Entry {
  readonly name: string;
  /** As they are stored, compressed or not. */
  readonly bytes: Uint8Array;
}

/** Entries by their local headers, from one to the next: never by searching inside an entry's bytes. */
function entriesOf(head: Uint8Array): Entry[] {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const entries: Entry[] = [];
  let at = 0;
  while (at + LOCAL_HEADER_BYTES <= head.byteLength && view.getUint32(at, true) === LOCAL_HEADER) {
    const nameStart = at + LOCAL_HEADER_BYTES;
    const nameEnd = nameStart + view.getUint16(at + 26, true);
    const dataStart = nameEnd + view.getUint16(at + 28, true);
    const sizeBytes = view.getUint32(at + 18, true);
    if (nameEnd <= head.byteLength) {
      const name = new TextDecoder().decode(head.subarray(nameStart, nameEnd));
      entries.push({ name, bytes: head.subarray(dataStart, dataStart + sizeBytes) });
    }
    if (sizeBytes > 0 || (view.getUint16(at + 6, true) & SIZE_FOLLOWS) === 0) {
      at = dataStart + sizeBytes;
    } else if (view.getUint16(at + 8, true) === DEFLATED) {
      at = nextHeader(view, dataStart);
    } else {
      break;
    }
  }
  return entries;
}

/** Where a deflated entry of unknown length ends: compressed bytes hold no header but by rare chance. */
function nextHeader(view: DataView, from: number): number {
  for (let at = from; at + 4 <= view.byteLength; at++) {
    if (view.getUint32(at, true) === LOCAL_HEADER) return at;
  }
  return view.byteLength;
}
