import type { ProcessorContext, ProcessorInput } from "../../src/processor.ts";
import { decodeText } from "../formats/charset.ts";
import { type CollectedText, TextCollector } from "./collector.ts";

/**
 * Read plain text in any encoding, unchanged, including Markdown, CSV, JSON and source code. Stops at the text
 * limit, so the size of the document does not matter.
 *
 * @throws {StowageError} `document_wrong_type` for binary data.
 */
export async function readPlain(
  input: ProcessorInput,
  context: ProcessorContext,
): Promise<CollectedText> {
  const text = new TextCollector(context.maxTextBytes);
  for await (const piece of decodeText(input.stream(), findXmlEncoding)) {
    context.signal.throwIfAborted();
    if (!text.add(piece)) break;
  }
  return text.finish();
}

/** https://www.w3.org/TR/xml/#NT-EncodingDecl: the declaration was readable as single bytes, so UTF-16 cannot be true. */
function findXmlEncoding(head: string): string | null {
  const declared = /^<\?xml\s[^>]*?encoding\s*=\s*["']([\w.:-]+)["']/.exec(head)?.[1];
  return declared === undefined || /^utf-?16/i.test(declared) ? null : declared;
}
