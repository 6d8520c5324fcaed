import fc from "fast-check";
import { expect, test } from "vitest";
import { Delimiter } from "../../../../src/http/body/multipart/delimiter.ts";

const BOUNDARIES = [
  "b",
  "-",
  "--",
  "aXa",
  "abcabd",
  "\xe9",
  "-".repeat(70),
  "----WebKitFormBoundaryX",
];

/** Bytes made of pieces of a delimiter, so that they nearly are one again and again. */
const bytesLike = (boundary: string) => {
  const whole = `\r\n--${boundary}`;
  const piece = fc.oneof(
    fc.nat(whole.length).map((length) => whole.slice(0, length)),
    fc.nat(whole.length).map((start) => whole.slice(start)),
    fc.constantFrom("\r", "\n", "-", "\0", ...boundary),
  );
  return fc.array(piece, { maxLength: 20 }).map((pieces) => Buffer.from(pieces.join(""), "latin1"));
};

test.each(BOUNDARIES)("Delimiter of %j is found where Buffer finds it", (boundary) => {
  const delimiter = new Delimiter(boundary);
  const bytes = Buffer.from(`\r\n--${boundary}`, "latin1");
  fc.assert(
    fc.property(bytesLike(boundary), (haystack) => {
      expect(delimiter.indexIn(haystack)).toBe(haystack.indexOf(bytes));
    }),
    { numRuns: 500 },
  );
});

test.each(BOUNDARIES)("Delimiter of %j is cut where the bytes end like it begins", (boundary) => {
  const delimiter = new Delimiter(boundary);
  const beginnings = Array.from({ length: boundary.length + 3 }, (_, index) =>
    Buffer.from(`\r\n--${boundary}`, "latin1").subarray(0, boundary.length + 3 - index),
  );
  fc.assert(
    fc.property(bytesLike(boundary), (haystack) => {
      const cut = beginnings.find((one) => haystack.subarray(-one.byteLength).equals(one));
      expect(delimiter.cutIn(haystack)).toBe(haystack.byteLength - (cut?.byteLength ?? 0));
    }),
    { numRuns: 500 },
  );
});
