import { describe, expect, it } from "vitest";
import { describeCause } from "../../src/cli/cause.ts";

const coded = (message: string, code: string) => Object.assign(new Error(message), { code });

describe("describeCause()", () => {
  it.each<[what: string, cause: unknown, reported: string]>([
    ["nothing", undefined, ""],
    ["what is no error", "hunter2", ""],
    ["one error", new Error("the wire broke"), " (the wire broke)"],
    ["what the message has", coded("open", "EACCES"), ""],
    ["a code alone", new AggregateError([], "", { cause: coded("", "EPIPE") }), " (EPIPE)"],
    [
      "several, none of them twice",
      new TypeError("fetch failed", {
        cause: coded("read EPIPE", "EPIPE"),
      }),
      " (fetch failed: read EPIPE)",
    ],
  ])("describes %s", (_what, cause, reported) => {
    expect(describeCause(new Error("Cannot read it: EACCES", { cause }))).toBe(reported);
  });

  it("ends where errors lead in a circle", () => {
    const error = new Error("one");
    error.cause = new Error("two", { cause: error });
    expect(describeCause(error)).toBe(" (two)");
  });
});
