import fc from "fast-check";
import { expect, test } from "vitest";
import { createSigner } from "../../src/adapters/auth/signer.ts";
import type { ListFilter } from "../../src/domain/ports/records.ts";
import { parseTenantId } from "../../src/domain/tenant.ts";
import { newUploadId } from "../../src/domain/upload-id.ts";
import { type CursorScope, formatCursor, parseCursor } from "../../src/http/cursor.ts";

const signer = createSigner("a secret of this test");
const acme = parseTenantId("acme");

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

const scopes = fc.record(
  {
    tenant: fc.constantFrom(acme, parseTenantId("other")),
    filter: fc.record(
      {
        status: fc.constantFrom("stored" as const, "failed" as const),
        filenamePrefix: fc.constantFrom("a", "b"),
        createdAfter: fc.nat(3),
        createdBefore: fc.nat(3),
      },
      { requiredKeys: [], noNullPrototype: true },
    ) as fc.Arbitrary<ListFilter>,
  },
  { noNullPrototype: true },
);

const REFUSED = expect.objectContaining({ code: "invalid_cursor" });

test("parseCursor() gives back every position, from a word that needs no escaping", async () => {
  await fc.assert(
    fc.asyncProperty(positions, scopes, async (position, scope) => {
      const cursor = await formatCursor(position, scope, signer);
      expect(cursor).toMatch(/^[A-Za-z0-9._-]{1,120}$/);
      expect(await parseCursor(cursor, scope, signer)).toEqual(position);
    }),
  );
});

test("parseCursor() refuses a cursor of another list, another tenant or another secret", async () => {
  await fc.assert(
    fc.asyncProperty(positions, scopes, scopes, async (position, scope, other) => {
      const cursor = await formatCursor(position, scope, signer);
      const same = fc.stringify(scope) === fc.stringify(other);
      const parsed = parseCursor(cursor, other, signer);
      if (same) expect(await parsed).toEqual(position);
      else await expect(parsed).rejects.toEqual(REFUSED);
      const foreign = parseCursor(cursor, scope, createSigner("another secret"));
      await expect(foreign).rejects.toEqual(REFUSED);
    }),
  );
});

test.each<[string, Partial<CursorScope>]>([
  ["tenant", { tenant: parseTenantId("other") }],
  ["status", { filter: { status: "failed" } }],
  ["filename prefix", { filter: { status: "stored", filenamePrefix: "a" } }],
  ["earliest time", { filter: { status: "stored", createdAfter: 1 } }],
  ["latest time", { filter: { status: "stored", createdBefore: 1 } }],
])("parseCursor() refuses a cursor of a list in which nothing differs but the %s", async (_, change) => {
  const scope: CursorScope = { tenant: acme, filter: { status: "stored" } };
  const id = newUploadId(5, (bytes) => bytes);
  const cursor = await formatCursor({ createdAt: 5, id }, scope, signer);
  await expect(parseCursor(cursor, { ...scope, ...change }, signer)).rejects.toEqual(REFUSED);
  expect(await parseCursor(cursor, scope, signer)).toEqual({ createdAt: 5, id });
});

test("parseCursor() refuses every word that formatCursor() does not make", async () => {
  const scope: CursorScope = { tenant: acme, filter: {} };
  await fc.assert(
    fc.asyncProperty(
      positions,
      fc.nat(200),
      fc.constantFrom("", "A", "_", "=", "%", " ", "ü", "\0", "0", "."),
      async (position, place, put) => {
        const cursor = await formatCursor(position, scope, signer);
        const at = place % cursor.length;
        const edited = cursor.slice(0, at) + put + cursor.slice(at + 1);
        if (edited === cursor) return;
        await expect(parseCursor(edited, scope, signer)).rejects.toEqual(REFUSED);
      },
    ),
    { numRuns: 300 },
  );
});

test.each([
  ["an empty one", ""],
  ["noise", "not a cursor"],
  ["one of an older release", btoa("1.0.0199f5a0-0000-7000-8000-000000000000")],
  ["no tag", "2.5.0199f5a0-0000-7000-8000-000000000000"],
  ["an empty tag", "2.5.0199f5a0-0000-7000-8000-000000000000."],
  ["no id", `2.5.nothing.${"A".repeat(43)}`],
  ["1 MB", "A".repeat(1_000_000)],
])("parseCursor() refuses %s", async (_, cursor) => {
  const parsed = parseCursor(cursor, { tenant: acme, filter: {} }, signer);
  await expect(parsed).rejects.toEqual(REFUSED);
});
