import { type ProcessorContext, type ProcessorInput, StowageError } from "../../src/processor.ts";
import type { MarkupHandler } from "../formats/markup.ts";
import { readXml } from "../formats/xml.ts";
import { ZipArchive } from "../formats/zip.ts";
import { BlockWriter } from "./block-writer.ts";
import { type CollectedText, TextCollector } from "./collector.ts";
import { ContentHandler } from "./opendocument-content.ts";
import { HeadersHandler } from "./opendocument-headers.ts";
import { SheetsHandler } from "./opendocument-sheets.ts";

/** Not text of the document: tracked deletions, comments, alternative texts, objects. */
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
 * Read the text of an OpenDocument file. Text documents: headers, the text with `[1]` for a reference to a note,
 * the notes, footers. Presentations and drawings: page by page, with notes. Spreadsheets: for each sheet its name,
 * then a line for each row with content.
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

/** The kind that the package states, else that of the detected type. */
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

/** The manifest of an encrypted document is plain XML, and lists how its parts are encrypted. */
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
