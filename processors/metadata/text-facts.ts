import { isStowageError, type ProcessorContext, type ProcessorInput } from "../../src/processor.ts";
import { countText, type TextCounts } from "../formats/count-text.ts";

/** Reasons that mean that the document was read and has no text. */
const TEXTLESS: ReadonlySet<string> = new Set([
  "document_empty",
  "document_has_no_pages",
  "document_has_no_text",
]);

/**
 * The text of a document, as the processor `text` finds it.
 *
 * @returns `null` if it cannot be read. The other facts are still useful.
 */
export async function findText(input: ProcessorInput): Promise<string | null> {
  try {
    return await input.text();
  } catch (error) {
    if (isStowageError(error) && TEXTLESS.has(error.code)) return "";
    if (isStowageError(error) && error.code.startsWith("document_")) return null;
    throw error;
  }
}

/** The size of a text. Empty for a text that was cut, whose full size is unknown. */
export function countsOf(
  text: string,
  { maxTextBytes }: Pick<ProcessorContext, "maxTextBytes">,
): Partial<TextCounts & { lines: number }> {
  // Text is cut between characters of up to four bytes, so at most three bytes stay unused.
  const cut = new TextEncoder().encode(text).byteLength > maxTextBytes - 4;
  return cut ? {} : { ...countText(text), lines: countLines(text) };
}

function countLines(text: string): number {
  let lines = text === "" ? 0 : 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}
