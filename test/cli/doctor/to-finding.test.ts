import { describe, expect, it } from "vitest";
import { toFinding } from "../../../src/cli/doctor/to-finding.ts";
import { StowageError } from "../../../src/domain/errors.ts";
import { parseStorageUri } from "../../../src/domain/storage-uri.ts";

const shelf = parseStorageUri("shelf:./x");

describe("toFinding()", () => {
  it("has the words of a driver, whichever it is, and its advice", () => {
    const error = new StowageError("storage_full", "Cannot put: it is full", {
      advice: "buy a larger shelf",
    });
    expect(toFinding({ error, uri: shelf, step: "write" })).toEqual({
      status: "fail",
      text: "write: Cannot put: it is full",
      advice: "buy a larger shelf",
    });
    const text = "Cannot put: it is full";
    expect(toFinding({ error, uri: shelf })).toMatchObject({ text });
  });

  it("takes what was thrown without any words as it is", () => {
    expect(toFinding({ error: "plain text", uri: shelf })).toEqual({
      status: "fail",
      text: "plain text",
      advice: undefined,
    });
  });

  it("shows causes that the message leaves out, and general advice if the driver has none", () => {
    const cause = new TypeError("fetch failed", { cause: new Error("connect\n  ECONNREFUSED") });
    const error = new StowageError("storage_unavailable", "Cannot use it: it failed", { cause });
    const text = "write: Cannot use it: it failed (fetch failed: connect ECONNREFUSED)";
    expect(toFinding({ error, uri: shelf, step: "write" })).toEqual({
      status: "fail",
      text,
      advice: expect.stringMatching(/is up and reachable/),
    });
    const denied = new StowageError("storage_access_denied", "Cannot use it");
    expect(toFinding({ error: denied, uri: shelf }).advice).toMatch(/read and write access/);
    const corrupt = new StowageError("object_corrupt", "Cannot read it");
    expect(toFinding({ error: corrupt, uri: shelf }).advice).toBeUndefined();
  });

  it.each([
    "unstorage:redis?url=redis://:hunter2@localhost:6379",
    "unstorage:redis?url=redis://default:hunter2@localhost:6379&password=hunter2",
    "acme://default:hunter2@bucket/prefix",
    "acme:prefix?apiKey=hunter2",
  ])("hides the secrets of %s in causes and advice", (text) => {
    const cause = new Error(`refused "hunter2" of redis://default:hunter2@localhost, in prefix`);
    const options = { cause, advice: "do not use hunter2" };
    const error = new StowageError("storage_misconfigured", "Cannot open it", options);
    const shown = 'Cannot open it (refused "***" of redis://***@localhost, in prefix)';
    expect(toFinding({ error, uri: parseStorageUri(text) })).toEqual({
      status: "fail",
      text: shown,
      advice: "do not use ***",
    });
  });
});
