import {
  defineProcessor,
  matchesMediaType,
  type ProcessorContext,
  type ProcessorInput,
  StowageError,
} from "../src/processor.ts";
import type { CollectedText } from "./text/collector.ts";

type Reader = (
  input: ProcessorInput,
  context: ProcessorContext,
) => Promise<CollectedText & { readonly pages?: number }>;

interface Format {
  readonly types: readonly string[];
  load(): Promise<Reader>;
}

const OOXML = "application/vnd.openxmlformats-officedocument";
const ODF = "application/vnd.oasis.opendocument";

const FORMATS: readonly Format[] = [
  {
    types: ["application/pdf"],
    load: async () => (await import("./text/pdf.ts")).readPdf,
  },
  {
    types: [
      `${OOXML}.wordprocessingml.document`,
      `${OOXML}.wordprocessingml.template`,
      "application/vnd.ms-word.document.macroenabled.12",
      "application/vnd.ms-word.template.macroenabled.12",
      `${OOXML}.presentationml.presentation`,
      `${OOXML}.presentationml.slideshow`,
      `${OOXML}.presentationml.template`,
      "application/vnd.ms-powerpoint.presentation.macroenabled.12",
      "application/vnd.ms-powerpoint.slideshow.macroenabled.12",
      "application/vnd.ms-powerpoint.template.macroenabled.12",
      `${OOXML}.spreadsheetml.sheet`,
      `${OOXML}.spreadsheetml.template`,
      "application/vnd.ms-excel.sheet.macroenabled.12",
      "application/vnd.ms-excel.template.macroenabled.12",
      // Compound files: encrypted Office documents, and the formats before Office 2007. They fail with a reason.
      "application/x-cfb",
      "application/msword",
      "application/vnd.ms-excel",
      "application/vnd.ms-powerpoint",
    ],
    load: async () => (await import("./text/office.ts")).readOffice,
  },
  {
    types: [
      `${ODF}.text`,
      `${ODF}.text-template`,
      `${ODF}.spreadsheet`,
      `${ODF}.spreadsheet-template`,
      `${ODF}.presentation`,
      `${ODF}.presentation-template`,
      `${ODF}.graphics`,
      `${ODF}.graphics-template`,
    ],
    load: async () => (await import("./text/opendocument.ts")).readOpenDocument,
  },
  {
    types: ["application/epub+zip"],
    load: async () => (await import("./text/epub.ts")).readEpub,
  },
  {
    types: ["application/rtf", "text/rtf"],
    load: async () => (await import("./text/rtf.ts")).readRtf,
  },
  {
    types: ["message/rfc822"],
    load: async () => (await import("./text/mail.ts")).readMail,
  },
  {
    types: ["text/html", "application/xhtml+xml"],
    load: async () => (await import("./text/html.ts")).readHtml,
  },
  {
    // Read as they are, including source code and data. Must come after the formats with markup.
    types: [
      "text/*",
      "application/javascript",
      "application/json",
      "application/ld+json",
      "application/sql",
      "application/toml",
      "application/x-ndjson",
      "application/x-sh",
      "application/x-yaml",
      "application/xml",
      "application/yaml",
    ],
    load: async () => (await import("./text/plain.ts")).readPlain,
  },
];

/**
 * Extracts the text of a document, in the formats above.
 *
 * Its output is `{ pages?, characters, words, truncated }`: the pages of a PDF, and the characters (code points)
 * and words of the text that was kept. Readers are loaded when first needed, so that a server which only asks
 * for the accepted types loads no parser.
 */
export default defineProcessor({
  name: "text",
  version: "3",
  accepts: FORMATS.flatMap(({ types }) => types),
  async process(input, context) {
    if (input.sizeBytes === 0) throw empty("the file is empty");
    const format = FORMATS.find(({ types }) => matchesMediaType(input.contentType, types));
    if (format === undefined) throw unknownType();
    const { pages, text, facts } = await (await format.load())(input, context);
    if (text === "") throw empty("the document contains none, or only white space");
    return { output: { ...(pages === undefined ? {} : { pages }), ...facts }, text };
  },
});

/** Load every reader, so that a missing library shows at start-up. */
export async function loadReaders(): Promise<void> {
  await Promise.all(FORMATS.map(({ load }) => load()));
}

function empty(found: string): StowageError {
  return new StowageError("document_empty", `Cannot find text: ${found}`);
}

function unknownType(): StowageError {
  return new StowageError(
    "document_unreadable",
    "Cannot find text: this media type is not supported",
  );
}
