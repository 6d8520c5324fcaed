import { getDocumentProxy } from "unpdf";
import { StowageError } from "../../src/processor.ts";

/** A document as PDF.js opened it: whoever has it calls `loadingTask.destroy()` in the end. */
export type PdfDocument = Awaited<ReturnType<typeof getDocumentProxy>>;

/**
 * Open a PDF.
 *
 * @param bytes The document. PDF.js takes them for its own: the array is empty afterwards.
 * @throws {StowageError} `document_encrypted` if it opens with a password only (one that merely restricts
 *   printing is read), `document_unreadable` for anything PDF.js cannot make sense of.
 */
export async function openPdf(bytes: Uint8Array): Promise<PdfDocument> {
  try {
    // Verbosity 0: its warnings quote the document.
    return await getDocumentProxy(bytes, { verbosity: 0, disableFontFace: true });
  } catch (error) {
    if (error instanceof Error && error.name === "PasswordException") {
      throw new StowageError("document_encrypted", "Cannot open PDF: it needs a password", {
        cause: error,
      });
    }
    throw unreadablePdf(error);
  }
}

/** What PDF.js stumbles over later is the file's fault, too. */
export function unreadablePdf(cause: unknown): StowageError {
  return new StowageError("document_unreadable", "Cannot read PDF: the file is broken or no PDF", {
    cause,
  });
}
