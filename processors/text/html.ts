import type { ProcessorContext, ProcessorInput } from "../../src/processor.ts";
import { decodeText } from "../formats/charset.ts";
import { readMarkup } from "../formats/markup.ts";
import { type CollectedText, TextCollector } from "./collector.ts";
import { HtmlText } from "./html-text.ts";

/**
 * Read the text of an HTML page, as {@link HtmlText} describes.
 *
 * @throws {StowageError} `document_wrong_type` for binary data, `document_too_complex` for too deeply nested
 *   elements.
 */
export async function readHtml(
  input: ProcessorInput,
  context: ProcessorContext,
): Promise<CollectedText> {
  const text = new TextCollector(context.maxTextBytes);
  const mode = input.contentType === "application/xhtml+xml" ? "xhtml" : "html";
  await readMarkup(decodeText(input.stream(), findHtmlEncoding), new HtmlText(text), {
    mode,
    signal: context.signal,
  });
  return text.finish();
}

/** https://html.spec.whatwg.org/#prescan-a-byte-stream-to-determine-its-encoding */
function findHtmlEncoding(head: string): string | null {
  const inXml = /^<\?xml\s[^>]*?encoding\s*=\s*["']([\w.:-]+)["']/.exec(head)?.[1];
  const shown = head.replace(/<!--.*?(?:-->|$)/gs, "");
  const found = inXml ?? /<meta\s[^>]*?charset\s*=\s*["']?\s*([\w.:-]+)/i.exec(shown)?.[1];
  if (found === undefined) return null;
  // The declaration was readable as single bytes, so UTF-16 cannot be true.
  if (/^utf-?16/i.test(found)) return "utf-8";
  return found.toLowerCase() === "x-user-defined" ? "windows-1252" : found;
}
