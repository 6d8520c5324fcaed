/** What PDF.js says of a piece of text; the rest of its fields does not matter here. */
export interface TextItem {
  readonly str: string;
  /** Which way it is read. */
  readonly dir: string;
  /** In points, as everything here. */
  readonly width: number;
  readonly height: number;
  /** The text matrix; its last numbers are where it begins: from the page's left, and above its foot. */
  readonly transform: readonly number[];
  readonly fontName: string;
  /** The end of a line. */
  readonly hasEOL: boolean;
}

/** Of each font whether its letters stand below each other, as PDF.js says. */
export type TextStyles = Readonly<Record<string, { readonly vertical: boolean } | undefined>>;

/** Where a piece lies, seen as it is read: as if the page had been turned until it stands upright. */
export interface Place {
  /** Whole degrees, against the clock. Only places of one turn can be compared. */
  readonly turn: number;
  readonly start: number;
  readonly end: number;
  /** Less for what is further down. */
  readonly baseline: number;
  readonly height: number;
}

export function placeOf(item: TextItem, styles: TextStyles): Place {
  const [a = 1, b = 0, c = 0, d = 1, x = 0, y = 0] = item.transform;
  const vertical = styles[item.fontName]?.vertical === true;
  const length = vertical ? item.height : item.width;
  const height = vertical ? item.width : item.height;
  if (b === 0 && c === 0 && d > 0 && !vertical) {
    return { turn: 0, start: x, end: x + length, baseline: y, height };
  }
  // Where mirrored, up is right, and along is not.
  const radians = a * d < b * c ? Math.atan2(-c, d) : Math.atan2(b, a);
  const degrees = Math.round((radians * 180) / Math.PI) - (vertical ? 90 : 0);
  const turn = (degrees + 720) % 360;
  const along = { x: Math.cos((turn * Math.PI) / 180), y: Math.sin((turn * Math.PI) / 180) };
  const start = x * along.x + y * along.y;
  return { turn, start, end: start + length, baseline: y * along.x - x * along.y, height };
}
