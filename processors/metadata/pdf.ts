import type { ProcessorContext, ProcessorInput } from "../../src/processor.ts";
import { openPdf } from "../formats/pdf.ts";
import type { RawFacts } from "./facts.ts";

/**
 * Read what a PDF states about itself: its XMP metadata, else its information dictionary (which XMP replaces),
 * and its number of pages.
 *
 * @throws {StowageError} `document_encrypted` if it needs a password to open, `document_unreadable`
 * @see ISO 32000-1, 14.3
 */
export async function readPdf(
  input: ProcessorInput,
  { signal }: ProcessorContext,
): Promise<RawFacts> {
  // A copy, because PDF.js detaches its array, and the text may be needed later.
  const pdf = await openPdf((await input.bytes()).slice());
  try {
    signal.throwIfAborted();
    const { info, metadata } = await pdf.getMetadata();
    const given = info as Readonly<Record<string, unknown>>;
    const own = (name: string): string | undefined => asText(given[name]);
    const xmp = (name: string): string[] => asTexts(metadata?.get(name));
    const authors = xmp("dc:creator");
    return {
      pages: pdf.numPages,
      title: xmp("dc:title")[0] ?? own("Title"),
      authors: authors.length > 0 ? authors : [own("Author") ?? ""],
      description: xmp("dc:description")[0] ?? own("Subject"),
      created: xmp("xmp:createdate")[0] ?? own("CreationDate"),
      modified: xmp("xmp:modifydate")[0] ?? own("ModDate"),
      language: own("Language") ?? xmp("dc:language")[0],
      producer: xmp("pdf:producer")[0] ?? own("Producer"),
    };
  } finally {
    await pdf.loadingTask.destroy();
  }
}

/** PDF.js returns whatever the file contains there. */
function asTexts(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).map(asText).filter((text) => text !== undefined);
}

function asText(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}
