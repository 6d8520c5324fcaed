import type { ProcessorContext, ProcessorInput } from "../../src/processor.ts";
import { RtfTokens } from "../formats/rtf-tokens.ts";
import { type CollectedText, TextCollector } from "./collector.ts";
import { RtfText } from "./rtf-text.ts";

/**
 * Read the text of an RTF file as its bytes arrive, as {@link RtfText} describes.
 *
 * @throws {StowageError} `document_wrong_type` if it is not RTF, `document_truncated` if its end is missing,
 *   `document_unreadable` if it is corrupt, `document_too_complex` for too deeply nested groups.
 */
export async function readRtf(
  input: ProcessorInput,
  context: ProcessorContext,
): Promise<CollectedText> {
  const collector = new TextCollector(context.maxTextBytes);
  const text = new RtfText(collector, context.maxTextBytes);
  const tokens = new RtfTokens(text);
  for await (const chunk of input.stream()) {
    context.signal.throwIfAborted();
    tokens.write(chunk);
    if (text.done) break;
  }
  tokens.end();
  text.end();
  return collector.finish();
}
