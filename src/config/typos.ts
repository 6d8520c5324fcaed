import type { Env } from "./problem.ts";

/** Shorter names (`HOST`, `PORT`) are a letter away from too many honest ones. */
const SHORTEST = 8;

/** AWS names an endpoint for each of its services, most of them two letters away from that of S3. */
const OTHERS = /^AWS_ENDPOINT_URL_/;

/** A variable that is set but not read, and the one that is probably meant. */
export interface Typo {
  readonly name: string;
  readonly meant: string;
}

/** Variables that are set, are none of ours, and yet look like a slip of the pen. */
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

/** Letters to insert, delete or replace between two short words; two that changed places count 2. */
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
