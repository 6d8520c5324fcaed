import { getDocumentProxy } from "unpdf";
import { StowageError } from "../../src/processor.ts";

/** A document as PDF.js opened it: whoever has it calls `loadingTask.destroy()` in the end. */
export type PdfDocument = Awaited<ReturnType<typeof getDocumentProxy>>;

/** Junk that may stand before the beginning and after the end (ISO 32000-1, annex H.3.4). */
const PDF_JUNK_BYTES = 1024;
const PDF_END_BYTES = 2048;

/**
 * Open a PDF.
 *
 * @param bytes The document. PDF.js takes them for its own: the array is empty afterwards.
 * @throws {StowageError} `document_encrypted` if it opens with a password only (one that merely restricts
 *   printing is read), `document_wrong_type` for what is no PDF, `document_truncated` for one without an end of
 *   which nothing can be saved, `document_unreadable` for anything else PDF.js cannot make sense of.
 */
export async function openPdf(bytes: Uint8Array): Promise<PdfDocument> {
  // Before its bytes are given away.
  const [head, tail] = [
    latin1(bytes.subarray(0, PDF_JUNK_BYTES)),
    latin1(bytes.subarray(-PDF_END_BYTES)),
  ];
  try {
    // Verbosity 0: its warnings quote the document.
    return await getDocumentProxy(bytes, { verbosity: 0, disableFontFace: true });
  } catch (error) {
    if (error instanceof Error && error.name === "PasswordException") {
      throw new StowageError("document_encrypted", "Cannot open PDF: it needs a password", {
        cause: error,
      });
    }
    if (!head.includes("%PDF-")) {
      throw new StowageError("document_wrong_type", "Cannot read PDF: not a PDF file", {
        cause: error,
      });
    }
    if (/%%EOF|startxref/.test(tail)) throw unreadablePdf(error);
    throw new StowageError("document_truncated", "Cannot read PDF: the file is truncated", {
      cause: error,
    });
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

/** What PDF.js stumbles over later is the file's fault, too. */
export function unreadablePdf(cause: unknown): StowageError {
  return new StowageError("document_unreadable", "Cannot read PDF: the file is corrupt", {
    cause,
  });
}
