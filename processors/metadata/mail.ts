import PostalMime, { type Address } from "postal-mime";
import { type ProcessorContext, type ProcessorInput, StowageError } from "../../src/processor.ts";
import { headerOf, MAX_HEADER_BYTES, withReadableHeader } from "../formats/mail-header.ts";
import type { RawFacts } from "./facts.ts";

/**
 * Read what the header of a message states about it. The body is not read.
 *
 * @throws {StowageError} `document_wrong_type` if it has no mail headers.
 * @see https://www.rfc-editor.org/rfc/rfc5322
 */
export async function readMail(
  input: ProcessorInput,
  _context: ProcessorContext,
): Promise<RawFacts> {
  const header = await withReadableHeader(headerOf(await input.bytes()));
  const mail = await PostalMime.parse(header, { maxHeadersSize: 4 * MAX_HEADER_BYTES });
  if (!mail.headers.some(({ key }) => KNOWN.has(key))) {
    throw new StowageError("document_wrong_type", "Cannot read message: it has no mail headers");
  }
  return {
    title: mail.subject,
    authors: mail.from === undefined ? [] : mailboxes(mail.from),
    created: mail.date,
  };
}

const KNOWN: ReadonlySet<string> = new Set(["from", "to", "subject", "date", "message-id"]);

/** For a group, its name without the members. */
function mailboxes({ name, address }: Address): string[] {
  if (!address) return [name];
  return [name === "" || name === address ? address : `${name} <${address}>`];
}
