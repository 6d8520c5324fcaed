import fc from "fast-check";
import { expect, test } from "vitest";
import { compareUtf8 } from "../../src/domain/utf8-order.ts";

test("compareUtf8() orders as the bytes of UTF-8 do, for any two strings", () => {
  // Close together on purpose: long common beginnings, and both sides of the surrogates.
  const unit = fc.constantFrom(
    "a",
    "/",
    ".",
    "\u07ff",
    "\ud7ff",
    "\ue000",
    "\uffee",
    "\u{10000}",
    "\u{10ffff}",
  );
  const text = fc.oneof(fc.string({ unit }), fc.string({ unit: "binary" }));
  fc.assert(
    fc.property(text, text, (a, b) => {
      const bytes = Buffer.compare(Buffer.from(a), Buffer.from(b));
      expect(Math.sign(compareUtf8(a, b))).toBe(bytes);
    }),
  );
});
