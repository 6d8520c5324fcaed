import type { ProcessorContext, ProcessorInput } from "../../src/processor.ts";
import { RtfTokens } from "../formats/rtf-tokens.ts";
import { type CollectedText, TextCollector } from "./collector.ts";
import { RtfText } from "./rtf-text.ts";

/**
 * Read the text of a Rich Text file as its bytes come; see {@link RtfText} for what is its text.
 *
 * @throws {StowageError} `document_wrong_type` for what is no RTF, `document_truncated` for what is cut off,
 *   `document_unreadable` for what is damaged, `document_too_complex` for groups nested beyond measure.
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
