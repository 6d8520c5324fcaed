import type { PdfDocument } from "../formats/pdf.ts";
import { isCrowded, type Line } from "./pdf-lines.ts";

type PdfPage = Awaited<ReturnType<PdfDocument["getPage"]>>;

/** A filled-in value or a note on a page, and its place. */
export interface Field {
  readonly text: string;
  readonly turn: number;
  readonly start: number;
  readonly end: number;
  readonly top: number;
  readonly bottom: number;
}

/** The fields of an annotation that matter here. PDF.js does not type them. */
interface Annotation {
  readonly subtype?: string;
  readonly annotationFlags?: number;
  readonly rect?: readonly number[];
  readonly contentsObj?: { readonly str?: string };
  readonly fieldType?: string | null;
  readonly fieldValue?: string | readonly string[] | null;
  readonly password?: boolean;
  readonly options?: readonly { readonly exportValue?: string; readonly displayValue?: string }[];
}

/** Per page. Long forms have a hundred. */
const MAX_FIELDS = 1_000;
/** Per page, in UTF-16 units. */
const MAX_LENGTH = 1 << 20;
/** ISO 32000-1, 12.5.3: the flags Hidden and NoView. */
const UNSEEN = 2 | 32;
/** Maximum letter height in points, also in taller fields. */
const MAX_LETTERS = 12;
/** Line height in letter heights. */
const LINE_HEIGHT = 1.2;

/**
 * Read the values of text and choice fields, and free-text notes (ISO 32000-1, 12.5.6.6 and 12.7), which the
 * page itself does not draw. Leaves out hidden ones and passwords.
 */
export async function readFields(page: PdfPage): Promise<Field[]> {
  const fields: Field[] = [];
  let left = MAX_LENGTH;
  // A broken form must not hide the text of the page.
  const annotations: readonly Annotation[] = await page.getAnnotations().catch(() => []);
  for (const annotation of annotations) {
    const text = filledIn(annotation).slice(0, left);
    if (text.trim() === "") continue;
    fields.push({ text, ...placeOf(annotation.rect ?? [], page.rotate) });
    left -= text.length;
    if (left <= 0 || fields.length === MAX_FIELDS) break;
  }
  return fields;
}

function filledIn(annotation: Annotation): string {
  if (((annotation.annotationFlags ?? 0) & UNSEEN) !== 0) return "";
  if (annotation.subtype === "FreeText") return annotation.contentsObj?.str ?? "";
  if (annotation.subtype !== "Widget" || annotation.password === true) return "";
  const values = [annotation.fieldValue ?? []].flat();
  if (annotation.fieldType === "Tx") return values.join("\n");
  if (annotation.fieldType !== "Ch") return "";
  const names = new Map(
    annotation.options?.map(({ exportValue, displayValue }) => [exportValue, displayValue]),
  );
  return values.map((value) => names.get(value) ?? value).join("\n");
}

/** Upright text is rotated with the page. */
function placeOf(rect: readonly number[], turn: number): Omit<Field, "text"> {
  const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = rect;
  const [cos, sin] = [Math.cos((turn * Math.PI) / 180), Math.sin((turn * Math.PI) / 180)];
  const along = [x1 * cos + y1 * sin, x2 * cos + y2 * sin];
  const up = [y1 * cos - x1 * sin, y2 * cos - x2 * sin];
  return {
    turn,
    start: Math.min(...along),
    end: Math.max(...along),
    top: Math.max(...up),
    bottom: Math.min(...up),
  };
}

/** Append each field to the line of its label, or add it as separate lines at the end. */
export function withFields(lines: readonly Line[], fields: readonly Field[]): Line[] {
  const all = [...lines];
  const labels = isCrowded(lines) ? [] : lines;
  for (const field of fields) {
    const texts = field.text.split(/\r\n?|\n/).filter((text) => text.trim() !== "");
    const label = texts.length === 1 ? labelOf(field, labels) : undefined;
    if (label === undefined) all.push(...linesOf(field, texts));
    else label.segments.push(segmentOf(field, field.text));
  }
  return all;
}

/** The line to the left of a field, at the same height. */
function labelOf(field: Field, lines: readonly Line[]): Line | undefined {
  return lines.find(
    ({ turn, baseline, height, segments }) =>
      turn === field.turn &&
      baseline < field.top &&
      baseline + height > field.bottom &&
      Math.abs(baseline + height / 2 - (field.top + field.bottom) / 2) < height &&
      segments.some(({ start }) => start < field.start),
  );
}

function linesOf(field: Field, texts: readonly string[]): Line[] {
  const room = (field.top - field.bottom) / (texts.length * LINE_HEIGHT);
  const height = Math.max(1, Math.min(MAX_LETTERS, room));
  return texts.map((text, i) => ({
    turn: field.turn,
    baseline: field.top - height - i * LINE_HEIGHT * height,
    height,
    segments: [segmentOf(field, text)],
  }));
}

function segmentOf({ start, end }: Field, text: string) {
  return { text, start, end, rightToLeft: false };
}
