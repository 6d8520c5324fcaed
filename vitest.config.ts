import { defineConfig } from "vitest/config";
import { PACKAGE_ALIASES } from "./test/support/package-sources.ts";

/** The quick suite: `npm test`, three minutes at most. Slow proofs are in `vitest.all.config.ts`. */
export default defineConfig({
  resolve: { alias: PACKAGE_ALIASES },
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
