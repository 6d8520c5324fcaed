/** A range of bytes, half-open: `start` is its first byte, `end` the first byte after it. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** The meaning of a `Range` header for a file of a known size. */
export type RangeRequest =
  /** No range, an unknown one, or several: send the whole file (RFC 9110, 14.2). */
  | { readonly kind: "whole" }
  | { readonly kind: "part"; readonly range: ByteRange }
  /** Begins after the end of the file: 416. */
  | { readonly kind: "unsatisfiable" };

/** `bytes=0-99`, `bytes=100-`, `bytes=-500`; optional white space around it. */
const SINGLE_RANGE = /^bytes[ \t]*=[ \t]*(\d*)-(\d*)[ \t]*$/i;

/**
 * Read a `Range` header. For several ranges the whole file is sent, as RFC 9110 allows: clients that resume or seek
 * request one range at a time.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-range
 */
export function readRangeHeader(
  header: string | null | undefined,
  sizeBytes: number,
): RangeRequest {
  const match = header ? SINGLE_RANGE.exec(header.trim()) : null;
  if (match === null) return { kind: "whole" };
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return { kind: "whole" };
  if (first === "") return suffix(Number(last), sizeBytes);
  const start = Number(first);
  const lastByte = last === "" ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (last !== "" && Number(last) < start) return { kind: "whole" };
  if (start >= sizeBytes) return { kind: "unsatisfiable" };
  return { kind: "part", range: { start, end: lastByte + 1 } };
}

function suffix(lengthBytes: number, sizeBytes: number): RangeRequest {
  if (lengthBytes === 0 || sizeBytes === 0) return { kind: "unsatisfiable" };
  return { kind: "part", range: { start: Math.max(0, sizeBytes - lengthBytes), end: sizeBytes } };
}

/** `Content-Range` of a 206. Its end is inclusive. */
export function formatContentRange(range: ByteRange, sizeBytes: number): string {
  return `bytes ${range.start}-${range.end - 1}/${sizeBytes}`;
}
