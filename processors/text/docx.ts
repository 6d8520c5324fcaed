import mammoth from "mammoth";
import { type ProcessorContext, type ProcessorInput, StowageError } from "../../src/processor.ts";
import { type CollectedText, TextCollector } from "./collector.ts";
import { type DocxNode, writeBlocks } from "./docx-blocks.ts";

/** The OLE container: what Word writes for a document with a password, and for its formats before 2007. */
const OLE_MAGIC = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

/**
 * Read the text of a Word document in reading order: paragraphs, lists, tables, foot- and endnotes. Comments,
 * headers and footers are left out.
 *
 * @throws {StowageError} `document_encrypted` if it is protected by a password, `document_unreadable` for
 *   anything that is no Word document, `document_empty` for one without text.
 */
export async function readDocx(
  input: ProcessorInput,
  context: ProcessorContext,
): Promise<CollectedText> {
  const bytes = await input.bytes();
  if (OLE_MAGIC.every((byte, i) => bytes[i] === byte)) throw inOleContainer(bytes);
  const document = await parse(bytes);
  context.signal.throwIfAborted();
  const text = new TextCollector(context.maxTextBytes);
  writeBlocks(document, text);
  const collected = text.finish();
  if (collected.text === "") {
    throw new StowageError("document_empty", "Cannot find text: the Word document holds none");
  }
  return collected;
}

/** mammoth's own plain-text output loses line breaks, rows and notes; its document tree has them. */
async function parse(bytes: Uint8Array): Promise<DocxNode> {
  let document: DocxNode = { type: "document" };
  try {
    await mammoth.convertToHtml(
      { buffer: bytes as Buffer },
      {
        externalFileAccess: false,
        includeDefaultStyleMap: false,
        includeEmbeddedStyleMap: false,
        transformDocument(parsed: DocxNode) {
          document = parsed;
          // Nothing is left for the conversion to HTML that would follow.
          return { ...parsed, children: [] };
        },
      },
    );
  } catch (error) {
    // JSZip has no codes: https://github.com/Stuk/jszip/blob/v3.10.1/lib/zipEntry.js
    if (error instanceof Error && error.message.startsWith("Encrypted zip")) throw encrypted(error);
    throw new StowageError(
      "document_unreadable",
      "Cannot read Word document: the file is broken or no DOCX",
      { cause: error },
    );
  }
  return document;
}

/** [MS-OFFCRYPTO] 2.3.4: the stream `EncryptedPackage` holds the document; OLE names are UTF-16LE. */
function inOleContainer(bytes: Uint8Array): StowageError {
  const name = [..."EncryptedPackage"].flatMap((letter) => [letter.charCodeAt(0), 0]);
  for (let at = bytes.indexOf(0x45); at !== -1; at = bytes.indexOf(0x45, at + 1)) {
    if (name.every((byte, i) => bytes[at + i] === byte)) return encrypted();
  }
  return new StowageError(
    "document_unreadable",
    "Cannot read Word document: it is in a format older than DOCX",
  );
}

function encrypted(cause?: unknown): StowageError {
  return new StowageError("document_encrypted", "Cannot open Word document: it needs a password", {
    cause,
  });
}
