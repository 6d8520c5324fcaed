import { isStowageError, type ProcessorContext, type ProcessorInput } from "../../src/processor.ts";
import { countText, type TextCounts } from "../formats/count-text.ts";

/** Reasons that mean: it was read, and there is none. */
const TEXTLESS: ReadonlySet<string> = new Set([
  "document_empty",
  "document_has_no_pages",
  "document_has_no_text",
]);

/**
 * The text of a document, as the processor `text` finds it.
 *
 * @returns `null` if it cannot be had: what the document says of itself is worth having all the same.
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

/** How much text there is; nothing for one that was cut, of which nobody knows. */
export function countsOf(
  text: string,
  { maxTextBytes }: Pick<ProcessorContext, "maxTextBytes">,
): Partial<TextCounts & { lines: number }> {
  // Cut between characters, of which none takes more than four bytes: at most three are left free.
  const cut = new TextEncoder().encode(text).byteLength > maxTextBytes - 4;
  return cut ? {} : { ...countText(text), lines: countLines(text) };
}

function countLines(text: string): number {
  let lines = text === "" ? 0 : 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}
