import { getRandomValues } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { backoffMs, RetryBudget } from "../../../../drivers/s3/wire/retry-budget.ts";

const random = (bytes: Uint8Array): Uint8Array => getRandomValues(bytes);

test("backoffMs() is anywhere below a bound that doubles, up to two seconds", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), (attempts) => {
      const ms = backoffMs(attempts, 0, random);
      expect(ms).toBeGreaterThanOrEqual(0);
      expect(ms).toBeLessThan(Math.min(2_000, 300 * 2 ** (attempts - 1)));
    }),
  );
  expect(backoffMs(1, 0, (bytes) => bytes.fill(0))).toBe(0);
  expect(backoffMs(1, 0, (bytes) => bytes.fill(255))).toBeCloseTo(300);
  expect(backoffMs(3, 0, (bytes) => bytes.fill(255))).toBeCloseTo(1_200);
});

test("backoffMs() is never less than the server wishes", () => {
  expect(backoffMs(1, 2_000, random)).toBe(2_000);
});

test("take() ends soon while nothing succeeds, and never if every fourth request does", () => {
  let now = 1_000_000;
  const budget = new RetryBudget(() => now);
  const takeAll = (): number => {
    let taken = 0;
    while (budget.take()) taken += 1;
    return taken;
  };
  expect(takeAll()).toBe(10);
  for (let round = 0; round < 100; round += 1) {
    budget.refill();
    expect(takeAll()).toBe(3);
  }
  for (let round = 0; round < 100; round += 1) budget.refill();
  expect(takeAll()).toBe(10);
  now += 6_000;
  expect(takeAll()).toBe(3);
  // A clock that is put back takes nothing.
  now -= 3_600_000;
  budget.refill();
  expect(takeAll()).toBe(3);
});
