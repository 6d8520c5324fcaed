import {
  defineProcessor,
  matchesMediaType,
  type ProcessorContext,
  type ProcessorInput,
  StowageError,
} from "../src/processor.ts";
import { EPUB, HTML, MAIL, OFFICE, OPEN_DOCUMENT, PDF, RTF } from "./formats/media-types.ts";
import type { CollectedText } from "./text/collector.ts";

type Reader = (
  input: ProcessorInput,
  context: ProcessorContext,
) => Promise<CollectedText & { readonly pages?: number }>;

interface Format {
  readonly types: readonly string[];
  load(): Promise<Reader>;
}

const FORMATS: readonly Format[] = [
  {
    types: PDF,
    load: async () => (await import("./text/pdf.ts")).readPdf,
  },
  {
    types: [
      ...OFFICE,
      "application/vnd.ms-word.template.macroenabled.12",
      "application/vnd.ms-powerpoint.slideshow.macroenabled.12",
      "application/vnd.ms-powerpoint.template.macroenabled.12",
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
      `${OPEN_DOCUMENT}.text`,
      `${OPEN_DOCUMENT}.text-template`,
      `${OPEN_DOCUMENT}.spreadsheet`,
      `${OPEN_DOCUMENT}.spreadsheet-template`,
      `${OPEN_DOCUMENT}.presentation`,
      `${OPEN_DOCUMENT}.presentation-template`,
      `${OPEN_DOCUMENT}.graphics`,
      `${OPEN_DOCUMENT}.graphics-template`,
    ],
    load: async () => (await import("./text/opendocument.ts")).readOpenDocument,
  },
  {
    types: EPUB,
    load: async () => (await import("./text/epub.ts")).readEpub,
  },
  {
    types: RTF,
    load: async () => (await import("./text/rtf.ts")).readRtf,
  },
  {
    types: MAIL,
    load: async () => (await import("./text/mail.ts")).readMail,
  },
  {
    types: HTML,
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
