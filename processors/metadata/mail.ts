import PostalMime, { type Address } from "postal-mime";
import { type ProcessorContext, type ProcessorInput, StowageError } from "../../src/processor.ts";
import type { RawFacts } from "./facts.ts";

/** What servers let through is some hundred KiB at most. */
const MAX_HEADER_BYTES = 1024 * 1024;

/**
 * Read what the header of a mail says of it. Its body stays unread.
 *
 * @throws {StowageError} `document_unreadable` for what has no header of a mail.
 * @see https://www.rfc-editor.org/rfc/rfc5322
 */
export async function readMail(
  input: ProcessorInput,
  _context: ProcessorContext,
): Promise<RawFacts> {
  const header = headerOf(await input.bytes());
  const mail = await PostalMime.parse(header, { maxHeadersSize: MAX_HEADER_BYTES });
  if (!mail.headers.some(({ key }) => KNOWN.has(key))) {
    throw new StowageError("document_unreadable", "Cannot read mail: it has no header of one");
  }
  return {
    title: mail.subject,
    authors: mail.from === undefined ? [] : mailboxes(mail.from),
    created: mail.date,
  };
}

const KNOWN: ReadonlySet<string> = new Set(["from", "to", "subject", "date", "message-id"]);

/** Up to the empty line that ends it. */
function headerOf(bytes: Uint8Array): Uint8Array {
  const head = bytes.subarray(0, MAX_HEADER_BYTES);
  for (let at = head.indexOf(LF); at >= 0; at = head.indexOf(LF, at + 1)) {
    const next = head[at + 1] === CR ? at + 2 : at + 1;
    if (head[next] === LF) return head.subarray(0, next + 1);
  }
  return head;
}

const CR = 0x0d;
const LF = 0x0a;

/** A group's name stands for its members. */
function mailboxes({ name, address }: Address): string[] {
  if (!address) return [name];
  return [name === "" || name === address ? address : `${name} <${address}>`];
}
