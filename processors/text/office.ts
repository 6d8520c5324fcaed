import { type ProcessorContext, type ProcessorInput, StowageError } from "../../src/processor.ts";
import { OfficePackage } from "../formats/office-package.ts";
import type { TextSink } from "./block-writer.ts";
import { type CollectedText, TextCollector } from "./collector.ts";
import { writeSlides } from "./slides.ts";
import { writeWord } from "./word.ts";
import { writeWorkbook } from "./workbook.ts";

type Write = (document: OfficePackage, sink: TextSink, maxLength: number) => Promise<void>;

/** By the root element of the main part, which shows the kind of a document regardless of its name. */
const WRITERS: ReadonlyMap<string, Write> = new Map([
  ["w:document", writeWord],
  ["x:workbook", writeWorkbook],
  ["p:presentation", writeSlides],
]);

/**
 * Read the text of an Office Open XML document: Word, Excel or PowerPoint. External and embedded files are
 * not opened.
 *
 * @throws {StowageError} As `OfficePackage` does; `document_wrong_type` for a document of another kind.
 */
export async function readOffice(
  input: ProcessorInput,
  { signal, maxTextBytes }: ProcessorContext,
): Promise<CollectedText> {
  const document = await OfficePackage.open(input, signal);
  const write = WRITERS.get(await document.rootElement());
  if (write === undefined) {
    throw new StowageError(
      "document_wrong_type",
      "Cannot read document: not a DOCX, XLSX or PPTX file",
    );
  }
  const text = new TextCollector(maxTextBytes);
  await write(document, text, maxTextBytes);
  return text.finish();
}
