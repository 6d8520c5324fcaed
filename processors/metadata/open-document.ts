import { type ProcessorContext, type ProcessorInput, StowageError } from "../../src/processor.ts";
import { readXml } from "../formats/xml.ts";
import { ZipArchive } from "../formats/zip.ts";
import { ElementCollector } from "./elements.ts";
import type { RawFacts } from "./facts.ts";

const META = [
  "dc:title",
  "meta:initial-creator",
  "dc:creator",
  "dc:description",
  "meta:creation-date",
  "dc:date",
  "dc:language",
  "meta:generator",
  "meta:document-statistic",
];

/**
 * Read what an OpenDocument text, spreadsheet or presentation states about itself in its `meta.xml`.
 *
 * @throws {StowageError} `document_unreadable`, `document_encrypted`, `document_too_complex`
 * @see https://docs.oasis-open.org/office/OpenDocument/v1.3/os/part3-schema/OpenDocument-v1.3-os-part3-schema.html 4.3
 */
export async function readOpenDocument(
  input: ProcessorInput,
  { signal }: ProcessorContext,
): Promise<RawFacts> {
  const archive = await ZipArchive.open(input);
  await refuseEncrypted(archive, signal);
  if (!archive.has("content.xml")) {
    throw new StowageError("document_wrong_type", "Cannot read document: not an OpenDocument file");
  }
  const meta = await collect(archive, "meta.xml", META, signal);
  const counts = meta.attributes("meta:document-statistic");
  const authors = meta.texts("meta:initial-creator");
  return {
    pages: counts["meta:page-count"],
    words: counts["meta:word-count"],
    // The tables of a text are not sheets.
    sheets: input.contentType.endsWith(".spreadsheet") ? counts["meta:table-count"] : undefined,
    title: meta.texts("dc:title")[0],
    authors: authors.length > 0 ? authors : meta.texts("dc:creator"),
    description: meta.texts("dc:description")[0],
    created: meta.texts("meta:creation-date")[0],
    modified: meta.texts("dc:date")[0],
    language: meta.texts("dc:language")[0],
    producer: meta.texts("meta:generator")[0],
  };
}

/** Part 2, 4.8.1: the manifest lists how each file of the package is encrypted. */
async function refuseEncrypted(archive: ZipArchive, signal: AbortSignal): Promise<void> {
  const name = "manifest:encryption-data";
  const manifest = await collect(archive, "META-INF/manifest.xml", [name], signal);
  if (manifest.all(name).length === 0) return;
  throw new StowageError("document_encrypted", "Cannot open document: it needs a password");
}

/** Finds nothing if the part is missing. */
async function collect(
  archive: ZipArchive,
  part: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<ElementCollector> {
  const found = new ElementCollector(names);
  if (archive.has(part)) await readXml(archive.stream(part), found, { signal });
  return found;
}
