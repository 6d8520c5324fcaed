import fc from "fast-check";
import { expect, test } from "vitest";
import { compareUtf8, firstAfterPrefix } from "../../src/domain/utf8-order.ts";

test("compareUtf8() orders any two strings by their UTF-8 bytes", () => {
  // Similar strings on purpose: long common prefixes, and characters on both sides of the surrogates.
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

test("firstAfterPrefix() sorts after all strings with the prefix, and before all later ones", () => {
  const unit = fc.constantFrom("a", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10ffff}");
  const text = fc.oneof(fc.string({ unit, maxLength: 4 }), fc.string({ unit: "binary" }));
  fc.assert(
    fc.property(text, text, (prefix, other) => {
      const behind = firstAfterPrefix(prefix);
      const isWithin = (name: string) =>
        compareUtf8(name, prefix) >= 0 && (behind === null || compareUtf8(name, behind) < 0);
      expect(isWithin(prefix + other)).toBe(true);
      expect(isWithin(other)).toBe(other.startsWith(prefix));
    }),
  );
});
