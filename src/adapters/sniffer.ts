import { fileTypeFromBuffer } from "file-type";
import { findByteOrderMark } from "../domain/byte-order-mark.ts";
import { CONTAINER_MEDIA_TYPE, findMediaType } from "../domain/media-type.ts";
import type { Sniffer } from "../domain/ports/sniffer.ts";
import { compoundTypeOf } from "./compound-head.ts";
import { isPlainText } from "./plain-text.ts";
import { mayBe } from "./signatures.ts";

/** Office documents are zip files, and the entries that identify them come late. 4 KiB would do for other types. */
const HEAD_BYTES = 65_536;

/** A PDF may start with this much junk (ISO 32000-1, annex H.3.4.1). */
const PDF_JUNK_BYTES = 1024;

/** About as long as the trace headers of a message that passed through many servers. */
const TEXT_HEAD_BYTES = 16_384;

const OOXML = "application/vnd.openxmlformats-officedocument";

/** Folders that identify the kind of an Office Open XML file. */
const OOXML_FOLDERS: readonly (readonly [string, string])[] = [
  ["word/", `${OOXML}.wordprocessingml.document`],
  ["xl/", `${OOXML}.spreadsheetml.sheet`],
  ["ppt/", `${OOXML}.presentationml.presentation`],
];

/**
 * Detects types with `file-type`, plus what that leaves open: markup that a browser would run (HTML, SVG), PDFs
 * behind junk, messages, and office documents whose identifying entry lies beyond the head.
 *
 * Plain text does not identify itself (CSV? Markdown?): the answer is `null`, and the declared type counts.
 */
export const sniffer: Sniffer = {
  headBytes: HEAD_BYTES,
  async sniff(whole) {
    const head = whole.subarray(0, HEAD_BYTES);
    const markup = sniffMarkup(head);
    if (markup !== null) return markup;
    const found = await fileTypeOf(head);
    if (found === null) return sniffText(head);
    if (found === CONTAINER_MEDIA_TYPE) return compoundTypeOf(head);
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
    // A damaged file is reported by its own parser, not here.
    return null;
  }
}

/** Tags that an HTML document starts with. @see https://mimesniff.spec.whatwg.org/#identifying-a-resource-with-an-unknown-mime-type */
const HTML =
  /^(?:<!--|<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p)[\s>])/i;

/** A file that starts with a tag runs as a page if it is served as one, whatever type was declared. */
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

/** The text from its first `<`, if only white space precedes it. */
function findMarkup(head: Uint8Array): string | null {
  const marked = findByteOrderMark(head);
  if (marked === "utf-16le" || marked === "utf-16be") {
    const text = new TextDecoder(marked).decode(head).trimStart();
    return text.startsWith("<") ? text : null;
  }
  let start = marked === "utf-8" ? 3 : 0;
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
  // At the start of a line or after binary junk: a text that mentions `%PDF-1.4` is not a PDF.
  if (/(?:^|[^\t\x20-\x7e])%PDF-\d/.test(start.slice(0, PDF_JUNK_BYTES))) return "application/pdf";
  return isMessage(start) ? "message/rfc822" : null;
}

/** Headers that mail servers and programs write. Every sent message has the first ones. */
const MAIL_HEADER =
  /^(?:from|date|received|message-id|to|cc|subject|sender|reply-to|return-path|delivered-to|mime-version|dkim-signature|content-type|x-[\w-]+|arc-[\w-]+|authentication-results)$/;
const MIN_MAIL_HEADERS = 3;

/** Starts with three mail headers, one of which names the sender (RFC 5322, 2.2 and 3.6). */
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
 * Identify a zip file that `file-type` did not, by the names of its entries within the head.
 *
 * @returns `null` for an office document whose kind does not show yet: the declared type is more precise.
 */
function sniffZip(head: Uint8Array): string | null {
  const entries = entriesOf(head);
  const names = entries.map(({ name }) => name);
  const has = (name: string) => names.includes(name);
  if (has("[Content_Types].xml") || has("_rels/.rels")) {
    const folder = OOXML_FOLDERS.find(([prefix]) => names.some((name) => name.startsWith(prefix)));
    return folder?.[1] ?? null;
  }
  // OpenDocument and EPUB name their type in the first entry, unless the file was repacked.
  const named = entries.find(({ name }) => name === "mimetype");
  const type = named && findMediaType(new TextDecoder().decode(named.bytes));
  if (type && /^application\/(?:epub\+zip|vnd\.oasis\.opendocument\.)/.test(type)) return type;
  if (has("META-INF/container.xml")) return "application/epub+zip";
  return has("META-INF/manifest.xml") && has("content.xml") ? null : "application/zip";
}

/** A local file header: `PK\3\4`, flags at 6, method at 8, sizes at 18 and 26 (APPNOTE.TXT, 4.3.7). */
const LOCAL_HEADER = 0x04034b50;
const LOCAL_HEADER_BYTES = 30;
const SIZE_FOLLOWS = 0x08;
const DEFLATED = 8;

interface Entry {
  readonly name: string;
  /** As they are stored, compressed or not. */
  readonly bytes: Uint8Array;
}

/** Entries by their local headers, from one to the next. Bytes inside entries are not searched. */
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

/** Where a deflated entry of unknown length ends. Compressed bytes contain a header only by rare chance. */
function nextHeader(view: DataView, from: number): number {
  for (let at = from; at + 4 <= view.byteLength; at++) {
    if (view.getUint32(at, true) === LOCAL_HEADER) return at;
  }
  return view.byteLength;
}
