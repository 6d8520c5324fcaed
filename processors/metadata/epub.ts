import { type ProcessorContext, type ProcessorInput, StowageError } from "../../src/processor.ts";
import { readXml } from "../formats/xml.ts";
import { ZipArchive } from "../formats/zip.ts";
import { ElementCollector } from "./elements.ts";
import type { RawFacts } from "./facts.ts";

const METADATA = ["dc:title", "dc:creator", "dc:description", "dc:date", "dc:language", "opf:meta"];

/**
 * Read what the package document states about an e-book.
 *
 * @throws {StowageError} `document_unreadable`, `document_too_complex`
 * @see https://www.w3.org/TR/epub-33/#sec-pkg-metadata
 */
export async function readEpub(
  input: ProcessorInput,
  { signal }: ProcessorContext,
): Promise<RawFacts> {
  const archive = await ZipArchive.open(input);
  const container = new ElementCollector(["container:rootfile"]);
  if (archive.has(CONTAINER)) await readXml(archive.stream(CONTAINER), container, { signal });
  const path = container.attributes("container:rootfile")["full-path"] ?? "";
  if (!archive.has(path)) {
    throw new StowageError("document_wrong_type", "Cannot read document: not an EPUB file");
  }
  const metadata = new ElementCollector(METADATA);
  await readXml(archive.stream(path), metadata, { signal });
  return {
    title: metadata.texts("dc:title")[0],
    authors: metadata.texts("dc:creator"),
    description: metadata.texts("dc:description")[0],
    created: metadata.texts("dc:date")[0],
    modified: metadata
      .all("opf:meta")
      .find(({ attributes }) => attributes["property"] === "dcterms:modified")?.text,
    language: metadata.texts("dc:language")[0],
  };
}

const CONTAINER = "META-INF/container.xml";
