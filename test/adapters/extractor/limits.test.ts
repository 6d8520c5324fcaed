import { expect, test } from "vitest";
import { DEFAULT_LIMITS, limitsFor, limitsWith } from "../../../src/adapters/extractor/limits.ts";

const MIB = 1024 * 1024;

test("limitsWith() lets the system refuse memory just below the limit, and no earlier", () => {
  const margin = DEFAULT_LIMITS.dataBytes - DEFAULT_LIMITS.memoryBytes;
  const large = limitsWith({ memoryBytes: 2048 * MIB });
  expect(large.dataBytes - large.memoryBytes).toBe(margin);
  expect(limitsWith({ memoryBytes: 64 * MIB }).dataBytes).toBe(DEFAULT_LIMITS.dataBytes);
  expect(limitsWith({ dataBytes: 5 }).dataBytes).toBe(5);
  expect(limitsWith()).toEqual(DEFAULT_LIMITS);
});

test("limitsFor() lets no document take more than five seconds, and where that is raised, a large one more", () => {
  const of = (sizeMib: number, changes = {}) => {
    const { cpuSeconds, wallMs } = limitsFor(limitsWith(changes), sizeMib * MIB);
    return [cpuSeconds, wallMs];
  };
  expect(of(0)).toEqual([4, 16_000]);
  expect(of(7)).toEqual([4.5, 18_000]);
  expect(of(500)).toEqual([4.5, 18_000]);
  // The limits are raised for all.
  expect(of(0, { cpuSeconds: 300, wallMs: 600_000 })).toEqual([120, 240_000]);
  expect(of(100, { cpuSeconds: 300, wallMs: 600_000 })).toEqual([300, 600_000]);
  // What is less than the least is meant as it is.
  expect(of(0, { cpuSeconds: 2.5, wallMs: 5_000 })).toEqual([2.5, 5_000]);
});
