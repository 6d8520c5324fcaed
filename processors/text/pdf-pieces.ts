/** The fields of a PDF.js text item that matter here. */
export interface TextItem {
  readonly str: string;
  /** The reading direction. */
  readonly dir: string;
  /** In points, like all lengths here. */
  readonly width: number;
  readonly height: number;
  /** The text matrix. Its last two numbers are the start: from the left and from the bottom of the page. */
  readonly transform: readonly number[];
  readonly fontName: string;
  /** Whether it ends a line. */
  readonly hasEOL: boolean;
}

/** By font: whether PDF.js considers it vertical. */
export type TextStyles = Readonly<Record<string, { readonly vertical: boolean } | undefined>>;

/** The position of a piece, as if the page were rotated until the piece is upright. */
export interface Place {
  /** Whole degrees, counterclockwise. Only places with the same turn can be compared. */
  readonly turn: number;
  readonly start: number;
  readonly end: number;
  /** Smaller further down. */
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
  // In mirrored text, only the upward axis is reliable.
  const radians = a * d < b * c ? Math.atan2(-c, d) : Math.atan2(b, a);
  const degrees = Math.round((radians * 180) / Math.PI) - (vertical ? 90 : 0);
  const turn = (degrees + 720) % 360;
  const along = { x: Math.cos((turn * Math.PI) / 180), y: Math.sin((turn * Math.PI) / 180) };
  const start = x * along.x + y * along.y;
  return { turn, start, end: start + length, baseline: y * along.x - x * along.y, height };
}
