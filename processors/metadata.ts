import {
  defineProcessor,
  type ProcessorContext,
  type ProcessorInput,
  StowageError,
} from "../src/processor.ts";
import {
  EPUB,
  HTML,
  IMAGES,
  MAIL,
  OFFICE,
  OPEN_DOCUMENT,
  PDF,
  RTF,
} from "./formats/media-types.ts";
import type { DocumentFacts, RawFacts } from "./metadata/facts.ts";

/** Reads what a document states about itself, apart from its text. */
type Reader = (input: ProcessorInput, context: ProcessorContext) => Promise<RawFacts>;

interface Format {
  readonly types: readonly string[];
  load(): Promise<Reader>;
}

const FORMATS: readonly Format[] = [
  {
    types: PDF,
    load: async () => (await import("./metadata/pdf.ts")).readPdf,
  },
  {
    types: OFFICE,
    load: async () => (await import("./metadata/office.ts")).readOffice,
  },
  {
    types: [
      `${OPEN_DOCUMENT}.text`,
      `${OPEN_DOCUMENT}.presentation`,
      `${OPEN_DOCUMENT}.spreadsheet`,
    ],
    load: async () => (await import("./metadata/open-document.ts")).readOpenDocument,
  },
  {
    types: EPUB,
    load: async () => (await import("./metadata/epub.ts")).readEpub,
  },
  {
    types: RTF,
    load: async () => (await import("./metadata/rtf.ts")).readRtf,
  },
  {
    types: HTML,
    load: async () => (await import("./metadata/html.ts")).readHtml,
  },
  {
    types: MAIL,
    load: async () => (await import("./metadata/mail.ts")).readMail,
  },
];

/** Formats without metadata. All facts come from their text. */
const PLAIN = [
  "text/plain",
  "text/markdown",
  "text/csv",
  "text/tab-separated-values",
  "application/json",
];

/**
 * Finds what a file states about itself.
 *
 * For documents: `{ pages?, slides?, sheets?, words?, characters?, lines?, title?, author?, description?,
 * created_at?, modified_at?, language?, producer? }`. Words and characters are counted in the text that the
 * processor `text` finds, if that is complete; lines only in plain text. The language is the declared one, else
 * detected. For images: `{ type, width?, height?, orientation?, frames? }`. Missing facts are left out. Readers
 * are loaded when first needed.
 */
export default defineProcessor({
  name: "metadata",
  version: "2",
  accepts: [...FORMATS.flatMap(({ types }) => types), ...PLAIN, ...Object.keys(IMAGES)],
  async process(input, context) {
    if (input.sizeBytes === 0) {
      throw new StowageError("document_empty", "Cannot find metadata: the file is empty");
    }
    if (Object.hasOwn(IMAGES, input.contentType)) {
      const { readImage } = await import("./metadata/image.ts");
      return { output: { ...(await readImage(input, context)) } };
    }
    return { output: { ...(await readDocument(input, context)) } };
  },
});

/** Load every reader, so that a missing library shows at start-up. */
export async function loadReaders(): Promise<void> {
  await Promise.all([
    ...FORMATS.map(({ load }) => load()),
    import("./metadata/image.ts"),
    import("./metadata/facts.ts"),
    import("./metadata/text-facts.ts"),
    import("./metadata/detect-language.ts"),
  ]);
}

async function readDocument(
  input: ProcessorInput,
  context: ProcessorContext,
): Promise<DocumentFacts> {
  const { documentFacts } = await import("./metadata/facts.ts");
  const { countsOf, findText } = await import("./metadata/text-facts.ts");
  const { detectLanguage } = await import("./metadata/detect-language.ts");
  const format = FORMATS.find(({ types }) => types.includes(input.contentType));
  const read = await format?.load();
  const own = read === undefined ? {} : documentFacts(await read(input, context));
  // Plain text has no other facts: if it cannot be read, that is the result.
  const text = read === undefined ? await input.text() : await findText(input);
  if (text === null) return own;
  const { lines, ...counts } = countsOf(text, context);
  const language = own.language ?? detectLanguage(text);
  return {
    ...own,
    // Counted here, because the counts in a document may be outdated.
    ...counts,
    ...(read === undefined && lines !== undefined ? { lines } : {}),
    ...(language === undefined ? {} : { language }),
  };
}
