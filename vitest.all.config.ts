import { defineConfig } from "vitest/config";
import { PACKAGE_ALIASES } from "./test/support/package-sources.ts";

/** The slow proofs, which `npm run test:all` runs: many rounds, large files, long waits. */
export default defineConfig({
  resolve: { alias: PACKAGE_ALIASES },
  test: {
    include: ["test/**/*.slow.ts"],
    globalSetup: ["test/s3/radosgw-shared.ts"],
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 600_000,
    hookTimeout: 120_000,
  },
});
