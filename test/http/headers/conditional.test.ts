import { expect, test } from "vitest";
import {
  type Representation,
  selectRepresentation,
} from "../../../src/http/headers/conditional.ts";
import { findHttpDate, formatHttpDate } from "../../../src/http/headers/http-date.ts";

const FILE = { etag: '"abc"', modifiedAt: Date.UTC(1994, 10, 6, 8, 49, 37, 500), sizeBytes: 1000 };
const THEN = "Sun, 06 Nov 1994 08:49:37 GMT";
const BEFORE = "Sun, 06 Nov 1994 08:49:36 GMT";
const AFTER = "Sun, 06 Nov 1994 08:49:38 GMT";

/** What is answered: a status, and the first and last byte of a 206. */
function answer(
  headers: Record<string, string>,
  method = "GET",
  file: Representation = FILE,
): string {
  try {
    const selection = selectRepresentation(method, new Headers(headers), file);
    if (selection.kind === "part") return `206 ${selection.range.start}-${selection.range.end - 1}`;
    return selection.kind === "whole" ? "200" : "304";
  } catch (error) {
    return (error as { code: string }).code;
  }
}

test.each([
  [{}, "200"],
  // If-None-Match, weakly
  [{ "If-None-Match": '"abc"' }, "304"],
  [{ "If-None-Match": 'W/"abc"' }, "304"],
  [{ "If-None-Match": '"x", "abc"' }, "304"],
  [{ "If-None-Match": "*" }, "304"],
  [{ "If-None-Match": '"x"' }, "200"],
  [{ "If-None-Match": "abc" }, "200"],
  // If-Match, strongly
  [{ "If-Match": '"abc"' }, "200"],
  [{ "If-Match": "*" }, "200"],
  [{ "If-Match": 'W/"abc"' }, "precondition_failed"],
  [{ "If-Match": '"x"' }, "precondition_failed"],
  // dates, to the second
  [{ "If-Modified-Since": THEN }, "304"],
  [{ "If-Modified-Since": AFTER }, "304"],
  [{ "If-Modified-Since": BEFORE }, "200"],
  [{ "If-Modified-Since": "yesterday" }, "200"],
  [{ "If-Unmodified-Since": THEN }, "200"],
  [{ "If-Unmodified-Since": BEFORE }, "precondition_failed"],
  [{ "If-Unmodified-Since": "yesterday" }, "200"],
  // precedence: tags before dates, If-Match before If-None-Match
  [{ "If-None-Match": '"x"', "If-Modified-Since": THEN }, "200"],
  [{ "If-None-Match": '"abc"', "If-Modified-Since": BEFORE }, "304"],
  [{ "If-Match": '"abc"', "If-Unmodified-Since": BEFORE }, "200"],
  [{ "If-Match": '"x"', "If-None-Match": '"abc"' }, "precondition_failed"],
  [{ "If-Match": '"abc"', "If-None-Match": '"abc"' }, "304"],
  // Range
  [{ Range: "bytes=0-99" }, "206 0-99"],
  [{ Range: "bytes=100-" }, "206 100-999"],
  [{ Range: "bytes=-100" }, "206 900-999"],
  [{ Range: "bytes=-5000" }, "206 0-999"],
  [{ Range: "bytes=990-5000" }, "206 990-999"],
  [{ Range: "bytes=1000-" }, "range_not_satisfiable"],
  [{ Range: "bytes=-0" }, "range_not_satisfiable"],
  [{ Range: "bytes=5-4" }, "200"],
  [{ Range: "bytes=0-1,5-6" }, "200"],
  [{ Range: "lines=0-1" }, "200"],
  [{ Range: "bytes=a-b" }, "200"],
  [{ Range: "bytes=0-99", "If-None-Match": '"abc"' }, "304"],
  [{ Range: "bytes=9999-", "If-Match": '"x"' }, "precondition_failed"],
  // If-Range
  [{ Range: "bytes=0-99", "If-Range": '"abc"' }, "206 0-99"],
  [{ Range: "bytes=0-99", "If-Range": '"old"' }, "200"],
  [{ Range: "bytes=0-99", "If-Range": 'W/"abc"' }, "200"],
  [{ Range: "bytes=0-99", "If-Range": THEN }, "206 0-99"],
  [{ Range: "bytes=0-99", "If-Range": AFTER }, "200"],
  [{ Range: "bytes=9999-", "If-Range": '"old"' }, "200"],
  [{ "If-Range": '"old"' }, "200"],
] as [
  Record<string, string>,
  string,
][])("selectRepresentation() answers %j with %s", (headers, expected) => {
  expect(answer(headers)).toBe(expected);
});

test("selectRepresentation() knows no range of a HEAD, and none of an empty file", () => {
  expect(answer({ Range: "bytes=0-99" }, "HEAD")).toBe("200");
  expect(answer({ Range: "bytes=9999-" }, "HEAD")).toBe("200");
  expect(answer({ "If-None-Match": '"abc"' }, "HEAD")).toBe("304");
  expect(answer({ Range: "bytes=0-" }, "GET", { ...FILE, sizeBytes: 0 })).toBe(
    "range_not_satisfiable",
  );
});

test("selectRepresentation() ignores dates if the time of the file is unknown", () => {
  const timeless = { ...FILE, modifiedAt: null };
  expect(answer({ "If-Modified-Since": AFTER }, "GET", timeless)).toBe("200");
  expect(answer({ "If-Unmodified-Since": BEFORE }, "GET", timeless)).toBe("200");
  for (const date of [THEN, "Thu, 01 Jan 1970 00:00:00 GMT"]) {
    expect(answer({ Range: "bytes=0-9", "If-Range": date }, "GET", timeless)).toBe("200");
  }
});

test("findHttpDate() reads all three forms of RFC 9110 and nothing else", () => {
  const ms = Date.UTC(2026, 10, 6, 8, 49, 37);
  expect(findHttpDate("Fri, 06 Nov 2026 08:49:37 GMT")).toBe(ms);
  expect(findHttpDate("Friday, 06-Nov-26 08:49:37 GMT")).toBe(ms);
  expect(findHttpDate("Fri Nov  6 08:49:37 2026")).toBe(ms);
  expect(findHttpDate(formatHttpDate(ms))).toBe(ms);
  // Two digits are never more than fifty years ahead: this one must not turn an old copy into a 304.
  expect(findHttpDate("Sunday, 06-Nov-94 08:49:37 GMT")).toBe(Date.UTC(1994, 10, 6, 8, 49, 37));
  for (const text of [
    "",
    "2026-11-06T08:49:37Z",
    "Fri, 06 Nov 2026 08:49:37",
    "1",
    "Fri, 06 Foo 2026 08:49:37 GMT",
    "Wed, 31 Jun 2026 08:49:37 GMT",
    "Fri, 06 Nov 2026 24:00:00 GMT",
    "Fri, 06 Nov 2026 08:49:61 GMT",
  ]) {
    expect(findHttpDate(text), text).toBeNull();
  }
});
