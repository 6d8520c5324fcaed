import { afterEach, expect, test, vi } from "vitest";
import { findProgram, hasPrograms } from "./can-run.ts";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

test("hasPrograms() and findProgram() tell what is not installed, and how to install it", () => {
  vi.stubEnv("STOWAGE_SKIP_NOTHING", undefined);
  vi.stubEnv("PATH", "/nowhere");
  const reported = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  expect(hasPrograms(["radosgw", "ceph-mon"], "test/s3/radosgw.sh install")).toBe(false);
  expect(reported).toHaveBeenLastCalledWith(
    "Skipped tests: radosgw, ceph-mon not found (test/s3/radosgw.sh install)\n",
  );
  expect(findProgram(["chromium"], "apt-get install chromium")).toBeNull();
  expect(reported).toHaveBeenCalledTimes(2);
});

test("hasPrograms() and findProgram() fail where nothing may be skipped", () => {
  vi.stubEnv("STOWAGE_SKIP_NOTHING", "1");
  vi.stubEnv("PATH", "/nowhere");
  expect(() => hasPrograms(["radosgw"], "somehow")).toThrow("radosgw not found (somehow)");
  expect(() => findProgram(["chromium"], "somehow")).toThrow("chromium not found (somehow)");
});

test("findProgram() takes the first that is there", () => {
  expect(findProgram(["no-such-program", "sh"], "somehow")).toMatch(/\/sh$/);
  expect(hasPrograms(["sh", "env"], "somehow")).toBe(true);
});
