import fc from "fast-check";
import { expect, test } from "vitest";
import { isStowageError } from "../../src/domain/errors.ts";
import { newUploadId } from "../../src/domain/upload-id.ts";
import { formatCursor, parseCursor } from "../../src/http/cursor.ts";

const positions = fc
  .record({
    createdAt: fc.integer({ min: -8.64e15, max: 8.64e15 }),
    bytes: fc.uint8Array({ minLength: 10, maxLength: 10 }),
  })
  .map(({ createdAt, bytes }) => ({
    createdAt: createdAt === 0 ? 0 : createdAt,
    id: newUploadId(Math.abs(createdAt) % 2 ** 48, (target) => {
      target.set(bytes);
      return target;
    }),
  }));

test("parseCursor() gives back every position, from a word that needs no escaping", () => {
  fc.assert(
    fc.property(positions, (position) => {
      const cursor = formatCursor(position);
      expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
      expect(parseCursor(cursor)).toEqual(position);
    }),
  );
});

test("parseCursor() refuses every word that formatCursor() does not make", () => {
  fc.assert(
    fc.property(
      positions.map(formatCursor),
      fc.nat(100),
      fc.constantFrom("", "A", "_", "=", "%", " ", "ü", "\0"),
      (cursor, at, put) => {
        const edited =
          cursor.slice(0, at % cursor.length) + put + cursor.slice((at % cursor.length) + 1);
        try {
          // One that still reads is another honest position, spelt in the only way there is.
          expect(formatCursor(parseCursor(edited))).toBe(edited);
        } catch (error) {
          expect(isStowageError(error, "invalid_cursor")).toBe(true);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test.each([
  ["an empty one", ""],
  ["noise", "not a cursor"],
  ["another version", btoa("2.0.0199f5a0-0000-7000-8000-000000000000")],
  ["no id", btoa("1.5.nothing")],
  ["no time", btoa("1.x.0199f5a0-0000-7000-8000-000000000000")],
  ["padding", `${formatCursor({ createdAt: 1, id: newUploadId(1, (bytes) => bytes) })}==`],
  ["1 MB", "A".repeat(1_000_000)],
])("parseCursor() refuses %s", (_, cursor) => {
  expect(() => parseCursor(cursor)).toThrow(expect.objectContaining({ code: "invalid_cursor" }));
});
