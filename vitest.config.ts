import { defineConfig } from "vitest/config";

/** The quick suite: `npm test`, three minutes at most. Slow proofs are in `vitest.all.config.ts`. */
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
