import { type ProcessorContext, type ProcessorInput, StowageError } from "../../src/processor.ts";
import type { MarkupHandler } from "../formats/markup.ts";
import { readXml } from "../formats/xml.ts";
import { ZipArchive } from "../formats/zip.ts";
import { BlockWriter } from "./block-writer.ts";
import { type CollectedText, TextCollector } from "./collector.ts";
import { ContentHandler } from "./opendocument-content.ts";
import { HeadersHandler } from "./opendocument-headers.ts";
import { SheetsHandler } from "./opendocument-sheets.ts";

/** What is no text of the document: what a tracked change took away, comments, what is read out, objects. */
const IGNORED = new Set([
  "draw:object",
  "office:annotation",
  "office:forms",
  "svg:desc",
  "svg:title",
  "table:tracked-changes",
  "text:note-citation",
  "text:page-number",
  "text:ruby-text",
  "text:tracked-changes",
]);

const TYPE = "application/vnd.oasis.opendocument.";

/**
 * Read the text of an OpenDocument file. A text document: headers, the text with `[1]` where a note is
 * referred to, the notes, footers. A presentation or drawing: page after page, each with its notes. A
 * spreadsheet: sheet after sheet, its name, then a line for each row that holds anything.
 *
 * @throws {StowageError} As `ZipArchive` and `readXml` do; `document_encrypted` if it needs a password.
 * @see https://docs.oasis-open.org/office/OpenDocument/v1.3/
 */
export async function readOpenDocument(
  input: ProcessorInput,
  { signal, maxTextBytes }: ProcessorContext,
): Promise<CollectedText> {
  const zip = await ZipArchive.open(input);
  const read = (part: string, handler: MarkupHandler) =>
    readXml(zip.stream(part), handler, { signal, ignore: IGNORED });
  await refuseEncrypted(zip, read);
  const kind = await kindOf(zip, input.contentType);
  const text = new TextCollector(maxTextBytes);
  const writer = new BlockWriter(text);
  if (kind.startsWith("spreadsheet")) {
    await read("content.xml", new SheetsHandler(writer));
    return text.finish();
  }
  const isText = kind.startsWith("text");
  const headers = new HeadersHandler(maxTextBytes);
  if (isText && zip.has("styles.xml")) await read("styles.xml", headers);
  writeBlocks(writer, headers.headers);
  const content = new ContentHandler(writer, isText ? "\n\n" : "\n", maxTextBytes);
  await read("content.xml", content);
  writeBlocks(
    writer,
    content.notes.map((note, i) => `[${i + 1}] ${note}`),
  );
  writeBlocks(writer, headers.footers);
  return text.finish();
}

function writeBlocks(writer: BlockWriter, blocks: Iterable<string>): void {
  for (const block of blocks) {
    writer.separate();
    writer.write(block);
  }
  writer.separate();
}

/** What the package says of itself, else what the document was taken for. */
async function kindOf(zip: ZipArchive, contentType: string): Promise<string> {
  let type = "";
  if (zip.has("mimetype")) {
    const decoder = new TextDecoder();
    for await (const chunk of zip.stream("mimetype")) {
      type += decoder.decode(chunk);
      if (type.length > TYPE.length) break;
    }
  }
  return (type.startsWith(TYPE) ? type : contentType).slice(TYPE.length);
}

/** The parts of an encrypted document are no XML; the manifest, which is, tells how they were encrypted. */
async function refuseEncrypted(
  zip: ZipArchive,
  read: (part: string, handler: MarkupHandler) => Promise<void>,
): Promise<void> {
  if (!zip.has("META-INF/manifest.xml")) return;
  await read("META-INF/manifest.xml", {
    open(name) {
      if (name !== "manifest:encryption-data") return;
      throw new StowageError("document_encrypted", "Cannot open document: it needs a password");
    },
  });
}
