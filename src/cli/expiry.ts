const UNIT_MS: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** What {@link findExpiry} reads, for help and messages. */
export const EXPIRY_FORMS = "30m, 12h, 90d, 52w, a date like 2027-01-31, or never";

/**
 * When something ends, by what a person wrote.
 *
 * @returns Milliseconds since 1970, later than `now`; `null` for never; `undefined` if it cannot be read.
 */
export function findExpiry(text: string, now: number): number | null | undefined {
  if (text === "never") return null;
  const at = findMoment(text, now, 1);
  return at > now ? at : undefined;
}

/** What {@link findGraceEnd} reads. */
export const GRACE_FORMS = "30m, 12h, 7d, a date like 2027-01-31, or none";

/**
 * When a time of grace ends, by what a person wrote.
 *
 * @returns Milliseconds since 1970, not before `now`; `undefined` if it cannot be read.
 */
export function findGraceEnd(text: string, now: number): number | undefined {
  const at = text === "none" ? now : findMoment(text, now, 1);
  return at >= now ? at : undefined;
}

/** What {@link findSince} reads. */
export const SINCE_FORMS = "30m, 12h, 90d or 52w ago, or a date like 2026-10-31";

/**
 * Since when, by what a person wrote.
 *
 * @returns Milliseconds since 1970, not later than `now`; `undefined` if it cannot be read.
 */
export function findSince(text: string, now: number): number | undefined {
  const at = findMoment(text, now, -1);
  return at <= now ? at : undefined;
}

/** @param direction 1 for lengths of time from now on, -1 for those before. */
function findMoment(text: string, now: number, direction: 1 | -1): number {
  const [, count, unit] = /^(\d{1,5})([mhdw])$/.exec(text) ?? [];
  if (unit !== undefined) return now + direction * Number(count) * (UNIT_MS[unit] ?? 0);
  // ISO 8601 alone: `Date.parse` reads much more, differently on each runtime.
  const iso = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d))?$/;
  return iso.test(text) ? Date.parse(text) : Number.NaN;
}
