/**
 * The conformance kit: test cases for the contract of storage drivers, for any test runner.
 *
 * ```ts
 * import { test } from "vitest"; // or node:test's test, or Deno.test
 * import { conformanceCases, register } from "stowage/conformance";
 * register(test, conformanceCases({ open: () => myDriver.open({ bucket: "test" }, context) }));
 * ```
 *
 * @module stowage/conformance
 */
import { CONDITION_CASES } from "./conditions.ts";
import { DELETE_CASES } from "./deletes.ts";
import { FAILURE_CASES } from "./failures.ts";
import { GROUP_CASES } from "./groups.ts";
import { KEY_CASES } from "./keys.ts";
import { LISTING_CASES } from "./listing.ts";
import { READ_CASES } from "./reads.ts";
import { ROUND_TRIP_CASES } from "./round-trips.ts";
import { type ConformanceOptions, runTrial } from "./trial.ts";

export type { ConformanceOptions } from "./trial.ts";

/** One promise of the driver port, and its test. */
export interface ConformanceCase {
  /** Says the promise; unique, and stable between releases. */
  readonly name: string;
  /** Rejects with an error that says what was found instead. Leaves nothing behind. */
  run(): Promise<void>;
}

/** The result of one case. */
export interface ConformanceResult {
  readonly name: string;
  /** `null` if the promise was kept. */
  readonly error: unknown;
}

/** How test runners take a test: vitest, node:test and Deno.test agree on this much. */
export type TestFunction = (name: string, run: () => Promise<void>) => unknown;

/**
 * Every case for one driver. Each opens the storage, works under its own prefix and clears it afterwards. Do not use the
 * storage for anything else meanwhile. A case about something that the driver's `limits`
 * rule out, or about a group that it does not have, checks that it is really absent.
 */
export function conformanceCases(options: ConformanceOptions): ConformanceCase[] {
  return [
    ...ROUND_TRIP_CASES,
    ...KEY_CASES,
    ...READ_CASES,
    ...CONDITION_CASES,
    ...LISTING_CASES,
    ...DELETE_CASES,
    ...FAILURE_CASES,
    ...GROUP_CASES,
  ].map(({ name, test }) => ({ name, run: () => runTrial(options, test) }));
}

/** Hand all cases to a test runner. */
export function register(test: TestFunction, cases: readonly ConformanceCase[]): void {
  for (const { name, run } of cases) test(name, () => run());
}

/** Run all cases one after the other, where there is no test runner (workerd). Never rejects. */
export async function runAll(cases: readonly ConformanceCase[]): Promise<ConformanceResult[]> {
  const results: ConformanceResult[] = [];
  for (const { name, run } of cases) {
    const error = await run().then(
      () => null,
      (reason: unknown) => reason ?? new Error("The case failed without a reason"),
    );
    results.push({ name, error });
  }
  return results;
}
