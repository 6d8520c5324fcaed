import { type ProcessorContext, type ProcessorInput, StowageError } from "../../src/processor.ts";
import { openPdf, type PdfDocument, unreadablePdf } from "../formats/pdf.ts";
import { type CollectedText, TextCollector } from "./collector.ts";
import { readFields, withFields } from "./pdf-fields.ts";
import { joinLines, linesOf } from "./pdf-lines.ts";
import { inReadingOrder } from "./pdf-order.ts";
import type { TextItem } from "./pdf-pieces.ts";

/** Even empty pages cost time, and a hundred bytes can claim a billion of them. */
const MAX_PAGES = 10_000;

/**
 * Read the text of a PDF page by page, in drawing order if that is readable.
 *
 * @throws {StowageError} As `openPdf` does; `document_unreadable` for a corrupt page, `document_has_no_text` if
 *   no page has text, as in scans, `document_has_no_pages` if there are no pages.
 */
export async function readPdf(
  input: ProcessorInput,
  context: ProcessorContext,
): Promise<CollectedText & { readonly pages: number }> {
  const pdf = await openPdf(await input.bytes());
  try {
    if (pdf.numPages === 0) {
      throw new StowageError("document_has_no_pages", "Cannot find text: the PDF has no pages");
    }
    const text = await readPages(pdf, context);
    if (text.text === "") {
      throw new StowageError(
        "document_has_no_text",
        `Cannot find text: there is none on the pages of the PDF (${pdf.numPages}). If they are scans, run OCR first`,
        { data: { pages: pdf.numPages } },
      );
    }
    return { ...text, pages: pdf.numPages };
  } finally {
    await pdf.loadingTask.destroy();
  }
}

async function readPages(pdf: PdfDocument, context: ProcessorContext): Promise<CollectedText> {
  const text = new TextCollector(context.maxTextBytes);
  const pages = Math.min(pdf.numPages, MAX_PAGES);
  for (let number = 1; number <= pages; number += 1) {
    context.signal.throwIfAborted();
    const lines = await readPage(pdf, number);
    if (lines !== "" && !text.add(`${lines}\n\n`)) break;
  }
  return text.finish(pdf.numPages > pages);
}

async function readPage(pdf: PdfDocument, number: number): Promise<string> {
  try {
    const page = await pdf.getPage(number);
    const content = await page.getTextContent();
    const fields = await readFields(page);
    page.cleanup();
    const items = content.items.filter((item): item is TextItem & typeof item => "str" in item);
    const lines = withFields(linesOf(items, content.styles), fields);
    return joinLines(inReadingOrder(lines));
  } catch (error) {
    throw unreadablePdf(error);
  }
}
