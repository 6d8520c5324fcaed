import { afterEach, expect, test, vi } from "vitest";
import { radosgwMissing } from "./radosgw.ts";

afterEach(() => vi.unstubAllEnvs());

test("radosgwMissing() tells what is not installed, and how to install it", () => {
  vi.stubEnv("STOWAGE_REQUIRE_RADOSGW", undefined);
  vi.stubEnv("PATH", "/nowhere");
  expect(radosgwMissing()).toMatch(
    /radosgw, .*ceph-mon.* not found; run test\/s3\/radosgw.sh install/,
  );
});

test("radosgwMissing() lets tests fail where a radosgw is required", () => {
  vi.stubEnv("STOWAGE_REQUIRE_RADOSGW", "1");
  vi.stubEnv("PATH", "/nowhere");
  expect(radosgwMissing()).toBeNull();
});
