import { describe, expect, it } from "vitest";
import { findExpiry } from "../../src/cli/expiry.ts";

const NOW = Date.parse("2026-11-24T12:00:00Z");

describe("findExpiry()", () => {
  it.each([
    ["30m", "2026-11-24T12:30:00.000Z"],
    ["12h", "2026-11-25T00:00:00.000Z"],
    ["90d", "2027-02-22T12:00:00.000Z"],
    ["52w", "2027-11-23T12:00:00.000Z"],
    ["2027-01-31", "2027-01-31T00:00:00.000Z"],
    ["2027-01-31T08:00+01:00", "2027-01-31T07:00:00.000Z"],
  ])("reads %s", (text, time) => {
    expect(new Date(findExpiry(text, NOW) ?? 0).toISOString()).toBe(time);
  });

  it("reads never", () => {
    expect(findExpiry("never", NOW)).toBeNull();
  });

  it.each([
    "",
    "0d",
    "90",
    "d",
    "-1d",
    "1.5d",
    "90 d",
    "1y",
    "2026-11-24",
    "2027-02-31T00",
    "soon",
  ])("cannot read %j", (text) => {
    expect(findExpiry(text, NOW)).toBeUndefined();
  });
});
