import { createHash, getRandomValues } from "node:crypto";
import { SILENT } from "../../src/domain/ports/logger.ts";
import type { DriverContext } from "../../src/driver.ts";

/** What a driver gets in tests: the real clock, hash and randomness, and a logger that says nothing. */
export function testDriverContext(overrides: Partial<DriverContext> = {}): DriverContext {
  return {
    fetch: globalThis.fetch,
    now: Date.now,
    random: (bytes) => getRandomValues(bytes),
    logger: SILENT,
    hash: (algorithm) => createHash(algorithm),
    ...overrides,
  };
}
