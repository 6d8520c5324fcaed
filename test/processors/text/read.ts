import { readFileSync } from "node:fs";
import { join } from "node:path";
import text from "../../../processors/text.ts";
import { SILENT } from "../../../src/domain/ports/logger.ts";
import type { ProcessorOutput } from "../../../src/processor.ts";
import { inputOf } from "../formats/input.ts";

const OOXML = "application/vnd.openxmlformats-officedocument";
const ODF = "application/vnd.oasis.opendocument";

export const TYPES = {
  docx: `${OOXML}.wordprocessingml.document`,
  xlsx: `${OOXML}.spreadsheetml.sheet`,
  pptx: `${OOXML}.presentationml.presentation`,
  odt: `${ODF}.text`,
  ods: `${ODF}.spreadsheet`,
  odp: `${ODF}.presentation`,
  epub: "application/epub+zip",
  csv: "text/csv",
  json: "application/json",
  md: "text/markdown",
} as const;

/** What the processor `text` makes of a document. */
export function process(
  type: keyof typeof TYPES,
  bytes: Uint8Array,
  maxTextBytes = 1 << 20,
): Promise<ProcessorOutput> {
  const { signal } = new AbortController();
  return text.process(inputOf(bytes, TYPES[type]), { signal, maxTextBytes, logger: SILENT });
}

export async function textOf(type: keyof typeof TYPES, bytes: Uint8Array): Promise<string> {
  return (await process(type, bytes)).text ?? "";
}

export function fixture(name: string): Buffer {
  return readFileSync(join(import.meta.dirname, "..", "..", "fixtures", name));
}

/** What `circle.fodt` says, and every document that LibreOffice made of it but the book. */
export const CIRCLE = `Reading circle of Ålesund

Minutes of the reading circle

Zoë Ångström, 李小龍 and Олена Шевченко; 🙂 was noted.

First line
second line\tafter a tab,   three spaces

We met on a rainy Friday[1], all of us[2].

Candles

Chairs

with arms

Title\tYear\tCopies
夜と霧\t\t1 lent

In the box

Beside a box.

Next meeting in Łódź.

[1] The first of May.

[2] Except the treasurer.

Kept by the clerk`;

export const SHELF = `Books & maps
Title\tBought\tPrice\tLent
夜と霧\t2024-02-29\t12.5\tTRUE
First line second line\t\t25

Sparse
${"\t".repeat(64)}far away`;

export const SURVEY = `Harbour survey

Depths at low water
Łódź & Ålesund
sent charts

Speak slowly.

Buoy\tMetres
second\t7

A shape`;
