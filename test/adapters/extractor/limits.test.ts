import { expect, test } from "vitest";
import { DEFAULT_LIMITS, limitsWith } from "../../../src/adapters/extractor/limits.ts";

const MIB = 1024 * 1024;

test("limitsWith() lets the system refuse memory just below the limit, and no earlier", () => {
  const margin = DEFAULT_LIMITS.dataBytes - DEFAULT_LIMITS.memoryBytes;
  const large = limitsWith({ memoryBytes: 2048 * MIB });
  expect(large.dataBytes - large.memoryBytes).toBe(margin);
  expect(limitsWith({ memoryBytes: 64 * MIB }).dataBytes).toBe(DEFAULT_LIMITS.dataBytes);
  expect(limitsWith({ dataBytes: 5 }).dataBytes).toBe(5);
  expect(limitsWith()).toEqual(DEFAULT_LIMITS);
});
