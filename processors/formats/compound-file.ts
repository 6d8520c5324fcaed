import { StowageError } from "../../src/processor.ts";

/** [MS-CFB] 2.2: the signature of every compound file (OLE). */
const MAGIC = Buffer.from("d0cf11e0a1b11ae1", "hex");

/** [MS-OFFCRYPTO] 2.3.4: the stream that contains an encrypted document. Names are UTF-16. */
const ENCRYPTED_PACKAGE = Buffer.from("EncryptedPackage", "utf16le");

/**
 * Reject compound files: documents of Office with a password, and its formats before 2007.
 *
 * @throws {StowageError} `document_encrypted` or `document_unreadable` if `bytes` are one.
 */
export function refuseCompoundFile(bytes: Buffer): void {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return;
  if (bytes.includes(ENCRYPTED_PACKAGE)) {
    throw new StowageError("document_encrypted", "Cannot open document: it needs a password");
  }
  throw new StowageError(
    "document_unreadable",
    "Cannot read document: it is in a format older than Office 2007; save it as DOCX, XLSX or PPTX",
  );
}
