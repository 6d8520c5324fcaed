import { type ProcessorContext, type ProcessorInput, StowageError } from "../../src/processor.ts";
import { type Attributes, readMarkup } from "../formats/markup.ts";
import { decodeXml } from "../formats/xml-encoding.ts";

/** CSS pixels of each unit. @see https://www.w3.org/TR/css-values-4/#absolute-lengths */
const PIXELS: Readonly<Record<string, number>> = {
  "": 1,
  px: 1,
  in: 96,
  cm: 96 / 2.54,
  mm: 96 / 25.4,
  q: 96 / 101.6,
  pt: 96 / 72,
  pc: 16,
};

const LENGTH = /^\s*\+?(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})([a-z]{0,2})\s*$/i;

/**
 * Read the size of a drawing in CSS pixels: its width and height, else those of its `viewBox`. A drawing that
 * fills the available space has neither.
 *
 * @throws {StowageError} `document_unreadable` if the root element is not `<svg>`.
 */
export async function readSvg(
  input: ProcessorInput,
  { signal }: ProcessorContext,
): Promise<{ width?: number; height?: number }> {
  let root: { readonly name: string; readonly attributes: Attributes } | undefined;
  await readMarkup(
    decodeXml(input.stream()),
    {
      open(name, attributes) {
        root ??= { name, attributes };
      },
      get done() {
        return root !== undefined;
      },
    },
    // Like a browser, because editors declare entities, which strict XML mode rejects.
    { mode: "xhtml", signal },
  );
  if (root?.name.replace(/^.*:/, "") !== "svg") {
    throw new StowageError("document_unreadable", "Cannot read image: not an SVG file");
  }
  return sizeOf(root.attributes);
}

function sizeOf(attributes: Attributes): { width?: number; height?: number } {
  const width = pixels(attributes["width"]);
  const height = pixels(attributes["height"]);
  if (width !== null && height !== null) return { width, height };
  const [boxWidth = null, boxHeight = null] = (attributes["viewbox"] ?? "")
    .split(/[\s,]+/, 10)
    .filter((part) => part !== "")
    .slice(2, 4)
    .map(pixels);
  if (!boxWidth || !boxHeight) return {};
  const ratio = boxWidth / boxHeight;
  if (width !== null) return { width, height: Math.round(width / ratio) };
  if (height !== null) return { width: Math.round(height * ratio), height };
  return { width: boxWidth, height: boxHeight };
}

function pixels(length: string | undefined): number | null {
  const [, number, unit = ""] = LENGTH.exec(length ?? "") ?? [];
  const factor = PIXELS[unit.toLowerCase()];
  return number === undefined || factor === undefined ? null : Math.round(Number(number) * factor);
}
