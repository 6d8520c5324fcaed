const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** The one form to be sent, and the two old ones that still have to be understood (RFC 9110, 5.6.7). */
const IMF_FIXDATE = /^\w{3}, (\d{2}) (\w{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/;
const RFC_850 = /^\w{6,9}, (\d{2})-(\w{3})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) GMT$/;
const ASCTIME = /^\w{3} (\w{3}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/;

/** A time as headers tell it, in whole seconds. */
export function formatHttpDate(ms: number): string {
  return new Date(ms).toUTCString();
}

/**
 * Read a time of a header.
 *
 * @returns Milliseconds since 1970, or `null` for anything that is no HTTP date: the header is ignored then.
 */
export function findHttpDate(text: string): number | null {
  const imf = IMF_FIXDATE.exec(text);
  if (imf !== null) return toMs(imf[3], imf[2], imf[1], imf.slice(4));
  const asctime = ASCTIME.exec(text);
  if (asctime !== null) return toMs(asctime[6], asctime[1], asctime[2], asctime.slice(3));
  const rfc850 = RFC_850.exec(text);
  // Nobody has sent two-digit years for decades: those of this century will do.
  return rfc850 === null ? null : toMs(`20${rfc850[3]}`, rfc850[2], rfc850[1], rfc850.slice(4));
}

function toMs(
  year: string | undefined,
  month: string | undefined,
  day: string | undefined,
  time: readonly string[],
): number | null {
  const monthIndex = MONTHS.indexOf(month ?? "");
  const [hours, minutes, seconds] = time.map(Number);
  if (monthIndex < 0) return null;
  const ms = Date.UTC(Number(year), monthIndex, Number(day), hours, minutes, seconds);
  return Number.isNaN(ms) ? null : ms;
}
