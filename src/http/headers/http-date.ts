const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** The format to send, and two obsolete ones that must be accepted (RFC 9110, 5.6.7). */
const IMF_FIXDATE = /^\w{3}, (\d{2}) (\w{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/;
const RFC_850 = /^\w{6,9}, (\d{2})-(\w{3})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) GMT$/;
const ASCTIME = /^\w{3} (\w{3}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/;

/** A time as an HTTP date, in whole seconds. */
export function formatHttpDate(ms: number): string {
  return new Date(ms).toUTCString();
}

/**
 * Parse an HTTP date.
 *
 * @returns Milliseconds since 1970, or `null` if it is not an HTTP date; then the header is ignored.
 */
export function findHttpDate(text: string): number | null {
  const imf = IMF_FIXDATE.exec(text);
  if (imf !== null) return toMs(imf.slice(4), imf[3], imf[2], imf[1]);
  const asctime = ASCTIME.exec(text);
  if (asctime !== null) return toMs(asctime.slice(3, 6), asctime[6], asctime[1], asctime[2]);
  const rfc850 = RFC_850.exec(text);
  if (rfc850 === null) return null;
  // Never more than fifty years ahead (RFC 9110, 5.6.7), and no file here is older than 1970.
  const year = `${Number(rfc850[3]) < 70 ? 20 : 19}${rfc850[3]}`;
  return toMs(rfc850.slice(4), year, rfc850[2], rfc850[1]);
}

function toMs(time: readonly string[], year = "", month = "", day = ""): number | null {
  const monthNumber = `${MONTHS.indexOf(month) + 1}`.padStart(2, "0");
  const iso = `${year}-${monthNumber}-${day.trim().padStart(2, "0")}T${time.join(":")}.000Z`;
  const ms = Date.parse(iso);
  // Compared, because Date.parse turns June 31 into July 1.
  return Number.isNaN(ms) || new Date(ms).toISOString() !== iso ? null : ms;
}
