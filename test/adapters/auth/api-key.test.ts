import { randomFillSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  API_KEY_CACHE_MS,
  createApiKey,
  createApiKeyAuthenticator,
  findApiKeyId,
} from "../../../src/adapters/auth/api-key.ts";
import { hasher } from "../../../src/adapters/hasher.ts";
import { parseTenantId } from "../../../src/domain/tenant.ts";
import { FixedClock } from "./fixed-clock.ts";
import { MemoryKeyRecords } from "./key-records.ts";

const ACME = {
  tenant: parseTenantId("acme"),
  scopes: ["upload:read"],
  label: "laptop",
  expiresAt: null,
} as const;

async function setup(request: Partial<Parameters<typeof createApiKey>[0]> = {}) {
  const clock = new FixedClock();
  const records = new MemoryKeyRecords();
  const made = createApiKey({ ...ACME, ...request }, randomFillSync, clock, hasher);
  await records.insert(made.record);
  const keys = createApiKeyAuthenticator(records, hasher, clock);
  return { ...made, clock, records, keys };
}

describe("createApiKey()", () => {
  it("makes a key of 32 random bytes, whose record holds only its hash", async () => {
    const { key, record, clock } = await setup();
    expect(key).toMatch(/^stw_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/);
    expect(findApiKeyId(key)).toBe(record.id);
    expect(record).toEqual({
      ...ACME,
      id: record.id,
      hash: Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(key))).toString("hex"),
      createdAt: clock.now(),
      revokedAt: null,
    });
    expect(JSON.stringify(record)).not.toContain(key.slice(21));
  });

  it("uses every random byte", () => {
    const fill = (value: number) => (bytes: Uint8Array) => bytes.fill(value);
    const make = (value: number) => createApiKey(ACME, fill(value), new FixedClock(), hasher).key;
    expect(make(0)).toBe(`stw_${"0".repeat(16)}_${"A".repeat(43)}`);
    expect(make(255)).toBe(`stw_${"f".repeat(16)}_${"_".repeat(42)}8`);
  });
});

describe("createApiKeyAuthenticator()", () => {
  it("finds the tenant and the scopes of a key", async () => {
    const { key, record, keys } = await setup();
    expect(await keys.authenticate(key)).toEqual({
      kind: "tenant",
      tenant: "acme",
      subject: `key:${record.id}`,
      scopes: new Set(["upload:read"]),
    });
  });

  it("takes a key without a tenant for an operator", async () => {
    const { key, record, keys } = await setup({ tenant: null, scopes: [] });
    const operator = { kind: "operator", subject: `key:${record.id}` };
    expect(await keys.authenticate(key)).toEqual(operator);
  });

  it("refuses a key with any character changed", async () => {
    const { key, keys } = await setup();
    for (let i = 0; i < key.length; i++) {
      const other = key[i] === "0" ? "1" : "0";
      expect(await keys.authenticate(key.slice(0, i) + other + key.slice(i + 1))).toBeNull();
    }
    expect(await keys.authenticate(`${key}0`)).toBeNull();
  });

  it("reads nothing for what is no key by its shape", async () => {
    const { keys, records } = await setup();
    for (const token of ["", "stw_", "stw_x_y", `stw_${"0".repeat(16)}_${"é".repeat(43)}`]) {
      expect(await keys.authenticate(token)).toBeNull();
    }
    expect(records.reads).toBe(0);
  });

  it("refuses a key from the moment it expires, cached or not", async () => {
    const { key, clock, keys } = await setup({ expiresAt: new FixedClock().now() + 500 });
    expect(await keys.authenticate(key)).not.toBeNull();
    clock.forward(499);
    expect(await keys.authenticate(key)).not.toBeNull();
    clock.forward(1);
    expect(await keys.authenticate(key)).toBeNull();
  });

  it("reads a good key once, however many come together or soon after", async () => {
    const { key, records, clock, keys } = await setup();
    await Promise.all(Array.from({ length: 50 }, () => keys.authenticate(key)));
    clock.forward(API_KEY_CACHE_MS - 1);
    await keys.authenticate(key);
    expect(records.reads).toBe(1);
  });

  it("sees a revocation by another process once the cache is old, or the clock set back", async () => {
    for (const ms of [API_KEY_CACHE_MS, -1]) {
      const { key, record, records, clock, keys } = await setup();
      await keys.authenticate(key);
      await records.revoke(record.id, clock.now());
      expect(await keys.authenticate(key)).not.toBeNull();
      clock.forward(ms);
      expect(await keys.authenticate(key)).toBeNull();
    }
  });

  it("sees a revocation by this process at once", async () => {
    const { key, record, records, clock, keys } = await setup();
    await keys.authenticate(key);
    await records.revoke(record.id, clock.now());
    keys.forget();
    expect(await keys.authenticate(key)).toBeNull();
  });

  it("keeps nothing that was read before a revocation and arrives after it", async () => {
    const { key, record, records, clock } = await setup();
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const slow = {
      async findByHash(hash: string) {
        const found = await records.findByHash(hash);
        if (records.reads === 1) await gate;
        return found;
      },
    };
    const keys = createApiKeyAuthenticator(slow, hasher, clock);
    const early = keys.authenticate(key);
    await records.revoke(record.id, clock.now());
    keys.forget();
    const late = keys.authenticate(key);
    open();
    expect(await early).not.toBeNull();
    expect(await late).toBeNull();
    expect(await keys.authenticate(key)).toBeNull();
  });

  it("knows a new key at once, though it was asked for before", async () => {
    const { clock, records, keys } = await setup();
    const { key, record } = createApiKey(ACME, randomFillSync, clock, hasher);
    expect(await keys.authenticate(key)).toBeNull();
    await records.insert(record);
    expect(await keys.authenticate(key)).not.toBeNull();
  });

  it("passes on trouble of the records, and does not remember it", async () => {
    const { key, clock, records } = await setup();
    let sick = true;
    const keys = createApiKeyAuthenticator(
      {
        findByHash(hash) {
          if (sick) throw new Error("database is locked");
          return records.findByHash(hash);
        },
      },
      hasher,
      clock,
    );
    await expect(keys.authenticate(key)).rejects.toThrow("database is locked");
    sick = false;
    expect(await keys.authenticate(key)).not.toBeNull();
  });
});
