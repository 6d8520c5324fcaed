import PostalMime, { type Address, type Attachment, type Email } from "postal-mime";
import { type ProcessorContext, type ProcessorInput, StowageError } from "../../src/processor.ts";
import { withReadableHeader } from "../formats/mail-header.ts";
import { readMarkup } from "../formats/markup.ts";
import { type CollectedText, TextCollector } from "./collector.ts";
import { HtmlText } from "./html-text.ts";

/** Nesting of parts. */
const MAX_PART_DEPTH = 100;
/** Nesting of messages that are read. Deeper ones are only named. */
const MAX_MESSAGE_DEPTH = 5;
/** Each boundary is compared with every line that starts with two hyphens. */
const MAX_BOUNDARIES = 500;
/**
 * The parser allocates about 2 KB for each line that is not encoded, and a dozen objects for each part. Lines of
 * encoded attachments are longer than these.
 */
const MAX_SHORT_LINES = 100_000;
const SHORT_LINE_BYTES = 56;
const HTML_PIECE_LENGTH = 64 * 1024;

/** Every message has at least one of these. */
const TELLING = new Set([
  "date",
  "from",
  "message-id",
  "mime-version",
  "received",
  "subject",
  "to",
]);

/**
 * Read a message: sender, recipients, subject and date, then its plain text, or that of its HTML if there is
 * none, then the names of its attachments. Attached messages follow in the same form.
 *
 * @throws {StowageError} `document_wrong_type` if it is not a message, `document_unreadable` if it is corrupt,
 *   `document_too_complex` for too many lines or parts.
 */
export async function readMail(
  input: ProcessorInput,
  context: ProcessorContext,
): Promise<CollectedText> {
  const text = new TextCollector(context.maxTextBytes);
  await writeMessage(await input.bytes(), 0, text, context.signal);
  return text.finish();
}

/** @returns Whether there is room for more. */
async function writeMessage(
  bytes: Uint8Array,
  depth: number,
  text: TextCollector,
  signal: AbortSignal,
): Promise<boolean> {
  signal.throwIfAborted();
  const email = await parse(bytes);
  if (!email.headers.some(({ key }) => TELLING.has(key))) {
    throw new StowageError("document_wrong_type", "Cannot read message: it has no mail headers");
  }
  if (!text.add(`${headerLines(email).join("\n")}\n\n`)) return false;
  const plain = email.text?.trim() ?? "";
  if (plain !== "" || email.html === undefined) text.add(plain);
  else await writeHtml(email.html, text, signal);
  const isRead = ({ mimeType }: Attachment) =>
    mimeType === "message/rfc822" && depth < MAX_MESSAGE_DEPTH;
  const named = email.attachments.filter((attachment) => !isRead(attachment));
  text.add(`\n\n${named.flatMap(attachmentLine).join("\n")}`);
  for (const attachment of email.attachments.filter(isRead)) {
    if (!text.add("\n\n")) return false;
    if (!(await writeMessage(bytesOf(attachment), depth + 1, text, signal))) return false;
  }
  return true;
}

async function parse(bytes: Uint8Array): Promise<Email> {
  if (countBoundaries(bytes) > MAX_BOUNDARIES || countShortLines(bytes) > MAX_SHORT_LINES) {
    throw tooComplex();
  }
  try {
    return await PostalMime.parse(await withReadableHeader(bytes), {
      maxNestingDepth: MAX_PART_DEPTH,
      forceRfc822Attachments: true,
    });
  } catch (error) {
    // The library's errors have no codes, see its src/mime-node.ts.
    if (error instanceof Error && error.message.startsWith("Maximum")) throw tooComplex(error);
    throw new StowageError("document_unreadable", "Cannot read message: the message is corrupt", {
      cause: error,
    });
  }
}

async function writeHtml(html: string, text: TextCollector, signal: AbortSignal): Promise<void> {
  const pieces = function* () {
    for (let at = 0; at < html.length; at += HTML_PIECE_LENGTH) {
      yield html.slice(at, at + HTML_PIECE_LENGTH);
    }
  };
  await readMarkup(pieces(), new HtmlText(text), { mode: "html", signal });
}

function headerLines(email: Email): string[] {
  // Unchanged, with its time zone.
  const date = email.headers.find(({ key }) => key === "date")?.value;
  const values = [
    ["From", email.from === undefined ? "" : formatAddress(email.from)],
    ["To", (email.to ?? []).map(formatAddress).join(", ")],
    ["Cc", (email.cc ?? []).map(formatAddress).join(", ")],
    ["Subject", email.subject ?? ""],
    ["Date", date ?? ""],
  ] as const;
  return values.filter(([, value]) => value !== "").map(([name, value]) => `${name}: ${value}`);
}

function formatAddress(address: Address): string {
  if (address.group !== undefined) {
    return `${address.name}: ${address.group.map(formatAddress).join(", ")};`;
  }
  if (address.name === "") return address.address;
  return address.address === "" ? address.name : `${address.name} <${address.address}>`;
}

/** Pictures that the HTML shows are not listed. */
function attachmentLine({ filename, mimeType, related }: Attachment): string[] {
  return related === true ? [] : [`Attachment: ${filename ?? mimeType}`];
}

function bytesOf({ content }: Attachment): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : new Uint8Array(content);
}

const EQUALS = 0x3d;
const LINE_FEED = 0x0a;
const SPACES = [0x20, 0x09];
const PARAMETER = new TextEncoder().encode("boundary").toReversed();

/** Counted before parsing: `boundary=` in any case, with or without white space. */
function countBoundaries(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(EQUALS); at >= 0; at = bytes.indexOf(EQUALS, at + 1)) {
    let end = at - 1;
    while (SPACES.includes(bytes[end] ?? 0) && at - end < 80) end -= 1;
    if (PARAMETER.every((letter, i) => ((bytes[end - i] ?? 0) | 0x20) === letter)) count += 1;
  }
  return count;
}

function countShortLines(bytes: Uint8Array): number {
  let count = 0;
  let start = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, start)) {
    if (at - start < SHORT_LINE_BYTES) count += 1;
    start = at + 1;
  }
  return count;
}

function tooComplex(cause?: unknown): StowageError {
  return new StowageError(
    "document_too_complex",
    "Cannot read message: it has too many lines or parts",
    { cause },
  );
}
