import { type ProcessorContext, type ProcessorInput, StowageError } from "../../src/processor.ts";
import { OfficePackage } from "../formats/office-package.ts";
import { ElementCollector } from "./elements.ts";
import type { RawFacts } from "./facts.ts";

const CORE = [
  "dc:title",
  "dc:creator",
  "dc:description",
  "dc:language",
  "dcterms:created",
  "dcterms:modified",
];
const EXTENDED = ["ep:Pages", "ep:Words", "ep:Application", "ep:AppVersion"];

/**
 * Read what an Office Open XML document (Word, Excel, PowerPoint) states about itself: its core and extended
 * properties, and the number of sheets or slides.
 *
 * @throws {StowageError} `document_unreadable`, `document_encrypted`, `document_too_complex`
 * @see https://ecma-international.org/publications-and-standards/standards/ecma-376/ part 2, 8 and part 1, 22.2
 */
export async function readOffice(
  input: ProcessorInput,
  { signal }: ProcessorContext,
): Promise<RawFacts> {
  const office = await OfficePackage.open(input, signal);
  if (!office.has(office.main)) {
    throw new StowageError("document_unreadable", "Cannot read document: its main part is missing");
  }
  const core = await readProperties(office, /^core-properties$/, CORE);
  const extended = await readProperties(office, /^extended-?properties$/i, EXTENDED);
  const members = new ElementCollector(["x:sheet", "p:sldId"]);
  // In a Word document, the main part is the text, and has neither.
  if (!/word/.test(input.contentType)) await office.read(office.main, members);
  return {
    pages: extended.texts("ep:Pages")[0],
    words: extended.texts("ep:Words")[0],
    sheets: members.all("x:sheet").length,
    slides: members.all("p:sldId").length,
    title: core.texts("dc:title")[0],
    authors: core.texts("dc:creator"),
    description: core.texts("dc:description")[0],
    created: core.texts("dcterms:created")[0],
    modified: core.texts("dcterms:modified")[0],
    language: core.texts("dc:language")[0],
    producer: [...extended.texts("ep:Application"), ...extended.texts("ep:AppVersion")].join(" "),
  };
}

/** Properties are optional. */
async function readProperties(
  office: OfficePackage,
  type: RegExp,
  names: readonly string[],
): Promise<ElementCollector> {
  const found = new ElementCollector(names);
  const relation = (await office.relationships("")).find((each) => type.test(each.type));
  if (relation !== undefined && office.has(relation.target)) {
    await office.read(relation.target, found);
  }
  return found;
}
