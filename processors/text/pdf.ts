import { getDocumentProxy } from "unpdf";
import { type ProcessorContext, type ProcessorInput, StowageError } from "../../src/processor.ts";
import { type CollectedText, TextCollector } from "./collector.ts";
import { joinLines, type TextItem } from "./pdf-lines.ts";

type PdfDocument = Awaited<ReturnType<typeof getDocumentProxy>>;

/**
 * Read the text of a PDF, page after page, in the order in which the document draws it.
 *
 * @throws {StowageError} `document_encrypted` if it opens with a password only (one that merely restricts
 *   printing is read), `document_unreadable` for anything PDF.js cannot make sense of, `document_empty` for
 *   pages without any text.
 */
export async function readPdf(
  input: ProcessorInput,
  context: ProcessorContext,
): Promise<CollectedText & { readonly pages: number }> {
  const pdf = await open(await input.bytes());
  try {
    const text = await readPages(pdf, context);
    if (text.text === "") {
      throw new StowageError(
        "document_empty",
        `Cannot find text: the PDF holds images only, with no text on any of its pages (${pdf.numPages}); it needs OCR`,
        { data: { pages: pdf.numPages } },
      );
    }
    return { ...text, pages: pdf.numPages };
  } finally {
    await pdf.loadingTask.destroy();
  }
}

async function open(bytes: Uint8Array): Promise<PdfDocument> {
  try {
    // Verbosity 0: its warnings quote the document.
    return await getDocumentProxy(bytes, { verbosity: 0, disableFontFace: true });
  } catch (error) {
    if (error instanceof Error && error.name === "PasswordException") {
      throw new StowageError("document_encrypted", "Cannot open PDF: it needs a password", {
        cause: error,
      });
    }
    throw unreadable(error);
  }
}

async function readPages(pdf: PdfDocument, context: ProcessorContext): Promise<CollectedText> {
  const text = new TextCollector(context.maxTextBytes);
  for (let number = 1; number <= pdf.numPages; number += 1) {
    context.signal.throwIfAborted();
    const lines = await readPage(pdf, number);
    if (lines !== "" && !text.add(`${lines}\n\n`)) break;
  }
  return text.finish();
}

async function readPage(pdf: PdfDocument, number: number): Promise<string> {
  try {
    const page = await pdf.getPage(number);
    const content = await page.getTextContent();
    page.cleanup();
    return joinLines(content.items.filter((item): item is TextItem & typeof item => "str" in item));
  } catch (error) {
    throw unreadable(error);
  }
}

function unreadable(cause: unknown): StowageError {
  return new StowageError("document_unreadable", "Cannot read PDF: the file is broken or no PDF", {
    cause,
  });
}
