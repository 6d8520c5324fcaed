import type { OfficePackage } from "../formats/office-package.ts";

/** What a number format shows: the day, the time, or both. */
export type DateKind = "day" | "time" | "both";

const DAY_MS = 86_400_000;
/** Day 0 from March 1900 on. Spreadsheets count a 29 February 1900 as day 60, although 1900 was not a leap year. */
const EPOCH_1900 = Date.UTC(1899, 11, 30);
const EPOCH_1904 = Date.UTC(1904, 0, 1);
/** 9999-12-31, the last date of a spreadsheet. */
const MAX_DAY = 2_958_465;
const MAX_STYLES = 65_536;

/** ECMA-376 part 1, 18.8.30: the built-in formats. */
const BUILT_IN: ReadonlyMap<number, DateKind> = new Map([
  ...[14, 15, 16, 17, 27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58].map(
    (id): [number, DateKind] => [id, "day"],
  ),
  ...[18, 19, 20, 21, 32, 33, 34, 35, 45, 46, 47, 55, 56].map((id): [number, DateKind] => [
    id,
    "time",
  ]),
  [22, "both"],
]);

/** The cell styles that show a number as a date, by style number. */
export async function readDateStyles(
  document: OfficePackage,
  part: string | undefined,
): Promise<readonly (DateKind | undefined)[]> {
  const styles: (DateKind | undefined)[] = [];
  if (part === undefined) return styles;
  const formats = new Map(BUILT_IN);
  let inCellFormats = false;
  await document.read(part, {
    open(name, { numFmtId, formatCode = "" }) {
      const id = Number(numFmtId ?? 0);
      if (name === "x:cellXfs") inCellFormats = true;
      else if (name === "x:xf" && inCellFormats && styles.length < MAX_STYLES) {
        styles.push(formats.get(id));
      } else if (name === "x:numFmt" && formats.size < MAX_STYLES) {
        const kind = dateKind(formatCode);
        if (kind !== undefined) formats.set(id, kind);
      }
    },
    close(name) {
      if (name === "x:cellXfs") inCellFormats = false;
    },
  });
  return styles;
}

/** The kind of a format such as `[$-409]d/m/yy h:mm "h"`. Ignores quoted, escaped and bracketed parts. */
export function dateKind(formatCode: string): DateKind | undefined {
  const letters = formatCode
    .slice(0, 255)
    .replace(/"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]/gi, "")
    .toLowerCase();
  const day = /[yd]|m{3,}/.test(letters);
  const time = /[hs]/.test(letters);
  if (day) return time ? "both" : "day";
  if (time) return "time";
  return /m/.test(letters) ? "day" : undefined;
}

/** @returns `null` for an invalid date: negative, or beyond the year 9999. */
export function toIsoDate(value: number, kind: DateKind, from1904: boolean): string | null {
  if (!(value >= 0 && value < MAX_DAY + 1)) return null;
  const early = !from1904 && value < 60 ? DAY_MS : 0;
  const ms = Math.round((value * DAY_MS) / 1000) * 1000;
  const iso = new Date((from1904 ? EPOCH_1904 : EPOCH_1900) + early + ms).toISOString();
  const time = iso.slice(11, 19);
  if (kind === "time") return value < 1 ? time : `${Math.floor(ms / 3_600_000)}${time.slice(2)}`;
  return kind === "day" ? iso.slice(0, 10) : `${iso.slice(0, 10)} ${time}`;
}
