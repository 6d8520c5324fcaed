import { defineProcessor, StowageError } from "../src/processor.ts";
import type { CollectedText } from "./text/collector.ts";
import { readPlain } from "./text/plain.ts";

const PDF = "application/pdf";
const DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
/** Types whose bytes are what a reader sees. Markup such as HTML is not: its tags are no text. */
const PLAIN = [
  "text/plain",
  "text/markdown",
  "text/csv",
  "text/tab-separated-values",
  "application/json",
];

/**
 * Finds the text of a document: PDF, Word (DOCX) and plain text.
 *
 * Its output is `{ pages?, characters, words, truncated }`: pages of a PDF; characters (code points) and
 * words of the text that was kept. The readers are loaded when first needed, so that a server which only
 * wants to know what is accepted carries no parser.
 */
export default defineProcessor({
  name: "text",
  version: "1",
  accepts: [PDF, DOCX, ...PLAIN],
  async process(input, context) {
    if (input.sizeBytes === 0) throw empty("the file has no bytes");
    if (input.contentType === PDF) {
      const { readPdf } = await import("./text/pdf.ts");
      const { pages, text, facts } = await readPdf(input, context);
      return { output: { pages, ...facts }, text };
    }
    const { text, facts } = await readUnpaged(input.contentType)(input, context);
    if (text === "") throw empty("the file holds white space only");
    return { output: facts, text };
  },
});

function readUnpaged(contentType: string): typeof readPlain {
  if (contentType !== DOCX) return readPlain;
  return async (input, context): Promise<CollectedText> =>
    (await import("./text/docx.ts")).readDocx(input, context);
}

function empty(found: string): StowageError {
  return new StowageError("document_empty", `Cannot find text: ${found}`);
}
