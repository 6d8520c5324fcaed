const UNIT_MS: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** The forms that {@link findExpiry} reads, for help and messages. */
export const EXPIRY_FORMS = "30m, 12h, 90d, 52w, a date like 2027-01-31, or never";

/**
 * The time at which something expires, as a person writes it.
 *
 * @returns Milliseconds since 1970, later than `now`; `null` for never; `undefined` if it is invalid.
 */
export function findExpiry(text: string, now: number): number | null | undefined {
  if (text === "never") return null;
  const at = findMoment(text, now, 1);
  return at > now ? at : undefined;
}

/** The forms that {@link findGraceEnd} reads. */
export const GRACE_FORMS = "30m, 12h, 7d, a date like 2027-01-31, or none";

/**
 * The end of a grace period, as a person writes it.
 *
 * @returns Milliseconds since 1970, not before `now`; `undefined` if it is invalid.
 */
export function findGraceEnd(text: string, now: number): number | undefined {
  const at = text === "none" ? now : findMoment(text, now, 1);
  return at >= now ? at : undefined;
}

/** The forms that {@link findSince} reads. */
export const SINCE_FORMS = "30m, 12h, 90d or 52w ago, or a date like 2026-10-31";

/**
 * A time in the past, as a person writes it.
 *
 * @returns Milliseconds since 1970, not later than `now`; `undefined` if it is invalid.
 */
export function findSince(text: string, now: number): number | undefined {
  const at = findMoment(text, now, -1);
  return at <= now ? at : undefined;
}

/** @param direction 1 if a length of time counts from now on, -1 if it counts back. */
function findMoment(text: string, now: number, direction: 1 | -1): number {
  const [, count, unit] = /^(\d{1,5})([mhdw])$/.exec(text) ?? [];
  if (unit !== undefined) return now + direction * Number(count) * (UNIT_MS[unit] ?? 0);
  // Only ISO 8601: `Date.parse` accepts much more, and each runtime differs.
  const iso = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d))?$/;
  return iso.test(text) ? Date.parse(text) : Number.NaN;
}
