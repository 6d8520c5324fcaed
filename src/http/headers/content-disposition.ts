import { percentEncode } from "../../domain/percent.ts";

/** Everything except printable ASCII, and characters that are special in a quoted string, and `%` (RFC 6266, D). */
const UNFIT_FOR_QUOTES = /[^\x20-\x7e]|["\\%]/gu;
const MARKS = /\p{M}/gu;

/**
 * `Content-Disposition` of a file: its exact name in `filename*`, and an ASCII approximation in `filename` for old
 * clients.
 *
 * @param filename Well-formed Unicode without control characters.
 * @see https://www.rfc-editor.org/rfc/rfc6266
 * @see https://www.rfc-editor.org/rfc/rfc8187
 */
export function formatContentDisposition(kind: "attachment" | "inline", filename: string): string {
  // NFD, because NFKD would turn full-width slashes and dots into real ones.
  const fallback = filename.normalize("NFD").replace(MARKS, "").replace(UNFIT_FOR_QUOTES, "_");
  const plain = `${kind}; filename="${fallback}"`;
  return fallback === filename ? plain : `${plain}; filename*=UTF-8''${percentEncode(filename)}`;
}
