import { getDocumentProxy } from "unpdf";
import { StowageError } from "../../src/processor.ts";

/** A document opened by PDF.js. Call `loadingTask.destroy()` when you are done. */
export type PdfDocument = Awaited<ReturnType<typeof getDocumentProxy>>;

/** Junk that may precede the header and follow the end (ISO 32000-1, annex H.3.4). */
const PDF_JUNK_BYTES = 1024;
const PDF_END_BYTES = 2048;

/**
 * Open a PDF.
 *
 * @param bytes The document. PDF.js detaches the array: it is empty afterwards.
 * @throws {StowageError} `document_encrypted` if it needs a password to open (a mere restriction of printing is
 *   ignored), `document_wrong_type` if it is not a PDF, `document_truncated` if the end is missing and nothing can
 *   be recovered, `document_unreadable` for anything else that PDF.js cannot read.
 */
export async function openPdf(bytes: Uint8Array): Promise<PdfDocument> {
  // Before PDF.js detaches the bytes.
  const [head, tail] = [
    latin1(bytes.subarray(0, PDF_JUNK_BYTES)),
    latin1(bytes.subarray(-PDF_END_BYTES)),
  ];
  try {
    // Verbosity 0, because warnings quote the document.
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

/** For errors after opening, which are also the file's fault. */
export function unreadablePdf(cause: unknown): StowageError {
  return new StowageError("document_unreadable", "Cannot read PDF: the file is corrupt", {
    cause,
  });
}
