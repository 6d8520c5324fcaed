import { percentEncode } from "../../domain/percent.ts";

/** Everything but printable ASCII, what would end or escape a quoted string, and `%` (RFC 6266, D). */
const UNFIT_FOR_QUOTES = /[^\x20-\x7e]|["\\%]/gu;
const MARKS = /\p{M}/gu;

/**
 * `Content-Disposition` of a file: its name as it is in `filename*` for everybody, and something close to
 * it in ASCII for whoever does not read that.
 *
 * @param filename Well-formed Unicode without control characters.
 * @see https://www.rfc-editor.org/rfc/rfc6266
 * @see https://www.rfc-editor.org/rfc/rfc8187
 */
export function formatContentDisposition(kind: "attachment" | "inline", filename: string): string {
  // Canonical (NFD), since NFKD would make slashes and dots of their full-width lookalikes.
  const fallback = filename.normalize("NFD").replace(MARKS, "").replace(UNFIT_FOR_QUOTES, "_");
  const plain = `${kind}; filename="${fallback}"`;
  return fallback === filename ? plain : `${plain}; filename*=UTF-8''${percentEncode(filename)}`;
}
