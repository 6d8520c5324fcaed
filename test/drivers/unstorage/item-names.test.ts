import fc from "fast-check";
import { hasDotSegment, normalizeKey } from "unstorage";
import { expect, test } from "vitest";
import { ItemNames } from "../../../drivers/unstorage/item-names.ts";
import { findKey } from "./keys.ts";

const names = new ItemNames("uploads");
const VERSION = "0123456789abcdef0123456789abcdef";

/** Segments full of what someone's parser trips over. */
const segment = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: fc.constantFrom(..."aA.-_:?$%/\\0fi v5é😀"), maxLength: 300 }),
);
const keys = fc
  .array(segment, { minLength: 1, maxLength: 4 })
  .map((segments) => findKey(segments.join("/")))
  .filter((key) => key !== null);

test("manifest() and content() give names that every store keeps as they are, and find() reads back", () => {
  fc.assert(
    fc.property(keys, (key) => {
      for (const [name, version] of [
        [names.manifest(key), null],
        [names.content(key, VERSION), VERSION],
      ] as const) {
        expect(name).toMatch(/^[a-z0-9._:-]+$/);
        expect(normalizeKey(name)).toBe(name);
        expect(hasDotSegment(name)).toBe(false);
        for (const piece of name.split(":")) {
          expect(piece.length).toBeLessThanOrEqual(255);
          expect(piece).not.toMatch(/\.$|\.\./);
        }
        expect(names.find(name)).toEqual({ key, version });
        // As `fs` reports it, and a driver that leaves the colon behind its base.
        expect(names.find(`:${name.replaceAll(":", "/")}`)).toEqual({ key, version });
      }
    }),
    { numRuns: 500 },
  );
});

test("manifest() keeps every two different keys apart", () => {
  fc.assert(
    fc.property(keys, keys, (one, other) => {
      fc.pre(one !== other);
      expect(names.manifest(one)).not.toBe(names.manifest(other));
      expect(names.content(one, VERSION)).not.toBe(names.manifest(other));
    }),
    { numRuns: 500 },
  );
});

test.each([
  ["acme/0199/cv.pdf", "uploads:acme:0199:cv.pdf_i"],
  ["acme/0199/My CV.pdf", "uploads:acme:0199:_4dy_20_43_56.pdf_i"],
  [".stowage/storage.json", "uploads:_2estowage:storage.json_i"],
  ["a/what?x=1:2", "uploads:a:what_3fx_3d1_3a2_i"],
  ["a/..b..", "uploads:a:_2e_2eb_2e_2e_i"],
  [`a/${"é".repeat(40)}`, `uploads:a:${"_c3_a9".repeat(30)}__:${"_c3_a9".repeat(10)}_i`],
])("manifest() of %j keeps readable what it can", (key, name) => {
  const found = findKey(key);
  expect(found && names.manifest(found)).toBe(name);
});

test.each([
  ["another prefix", "others:a:b_i"],
  ["no suffix", "uploads:a:b"],
  ["upper case", "uploads:a:B_i"],
  ["a needless escape", "uploads:a:_62_i"],
  ["an escape that is none", "uploads:a:_xyz_i"],
  ["bytes that are no UTF-8", "uploads:a:_ff_i"],
  ["an empty segment", "uploads:a::b_i"],
  ["a dot segment", "uploads:a:_2e_2e:b_i"],
  ["a slash inside a segment", "uploads:a_2fb_i"],
  ["a short version", "uploads:a:b_v0123"],
])("find() passes over an item of others: %s", (_what, name) => {
  expect(names.find(name)).toBeNull();
});

test("folder() holds every key with the prefix, and is null where there can be none", () => {
  expect(names.folder("")).toBe("uploads:");
  expect(names.folder("ab")).toBe("uploads:");
  expect(names.folder("Ab/c")).toBe("uploads:_41b:");
  expect(names.folder("ab//c")).toBeNull();
  expect(new ItemNames("").folder("")).toBe("");
});
