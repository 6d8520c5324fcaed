import type { Env } from "./problem.ts";

/** Shorter names (`HOST`, `PORT`) are one letter away from too many legitimate ones. */
const SHORTEST = 8;

/** AWS has an endpoint variable for each service, most of them two letters away from S3's. */
const OTHERS = /^AWS_ENDPOINT_URL_/;

/** A variable that is set but not used, and the one that was probably meant. */
export interface Typo {
  readonly name: string;
  readonly meant: string;
}

/** Variables that are set but unknown, and close to a known name. */
export function findTypos(env: Env, known: readonly string[]): readonly Typo[] {
  const long = known.filter((name) => name.length >= SHORTEST);
  return Object.keys(env)
    .filter((name) => name.length >= SHORTEST - 2 && name.length <= 64)
    .filter((name) => !known.includes(name) && !OTHERS.test(name))
    .flatMap((name) => {
      const meant = long.find((candidate) => distance(name.toUpperCase(), candidate) <= 2);
      return meant === undefined ? [] : [{ name, meant }];
    });
}

/** Levenshtein distance; swapped letters count 2. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let old = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      row.push(Math.min((old[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (old[j - 1] ?? 0) + cost));
    }
    old = row;
  }
  return old[b.length] ?? 0;
}
