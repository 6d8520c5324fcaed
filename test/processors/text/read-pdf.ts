import { readPdf } from "../../../processors/text/pdf.ts";
import { SILENT } from "../../../src/domain/ports/logger.ts";
import { pdf } from "../../fixtures/pdf.ts";
import { inputOf } from "../formats/input.ts";

export function read(bytes: Uint8Array, maxTextBytes = 1 << 20) {
  const signal = new AbortController().signal;
  return readPdf(inputOf(bytes, "application/pdf"), { signal, maxTextBytes, logger: SILENT });
}

/** The text of a page with this content. */
export async function textOf(content: string): Promise<string> {
  return (await read(pdf([content]))).text;
}

/** A line of text, with its place on the page, the size of its letters, and whither it is turned. */
export type Shown = readonly [
  x: number,
  y: number,
  text: string,
  size?: number,
  turn?: readonly number[],
];

export function show(...lines: readonly Shown[]): string {
  return lines
    .map(
      ([x, y, text, size = 10, turn = [1, 0, 0, 1]]) =>
        `BT /F ${size} Tf ${turn.join(" ")} ${x} ${y} Tm (${text}) Tj ET`,
    )
    .join("\n");
}
