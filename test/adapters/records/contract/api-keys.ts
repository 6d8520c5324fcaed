import { expect, it } from "vitest";
import type { ApiKey } from "../../../../src/domain/ports/api-keys.ts";
import { ACME, type Bench, GLOBEX, START } from "../bench.ts";

export function apiKeysContract(bench: () => Bench): void {
  const key = (id: string, changes: Partial<ApiKey> = {}): ApiKey => ({
    id,
    hash: `hash-of-${id}`,
    tenant: ACME,
    scopes: ["upload:read", "upload:write"],
    label: "laptop",
    createdAt: START,
    expiresAt: null,
    revokedAt: null,
    ...changes,
  });

  it("findByHash() returns the inserted key, and null for any other hash", async () => {
    const tenantKey = key("a", { expiresAt: START + 5 });
    const operatorKey = key("b", { tenant: null, scopes: [] });
    await bench().keys.insert(tenantKey);
    await bench().keys.insert(operatorKey);
    expect(await bench().keys.findByHash(tenantKey.hash)).toEqual(tenantKey);
    expect(await bench().keys.findByHash(operatorKey.hash)).toEqual(operatorKey);
    expect(await bench().keys.findByHash("HASH-OF-A")).toBeNull();
  });

  it("list() returns the keys of one tenant or of all, newest first", async () => {
    await bench().keys.insert(key("a"));
    await bench().keys.insert(key("b", { tenant: GLOBEX, createdAt: START + 1 }));
    await bench().keys.insert(key("c", { tenant: null, createdAt: START + 2 }));
    await bench().keys.insert(key("d", { createdAt: START + 3 }));
    const ids = (keys: readonly ApiKey[]) => keys.map(({ id }) => id);
    expect(ids(await bench().keys.list())).toEqual(["d", "c", "b", "a"]);
    expect(ids(await bench().keys.list(ACME))).toEqual(["d", "a"]);
  });

  it("revoke() keeps the first time, and returns false for an unknown key", async () => {
    await bench().keys.insert(key("a"));
    await bench().keys.insert(key("b"));
    expect(await bench().keys.revoke("a", START + 1)).toBe(true);
    expect(await bench().keys.revoke("a", START + 2)).toBe(true);
    expect(await bench().keys.revoke("z", START + 2)).toBe(false);
    expect((await bench().keys.findByHash("hash-of-a"))?.revokedAt).toBe(START + 1);
    expect((await bench().keys.findByHash("hash-of-b"))?.revokedAt).toBeNull();
  });

  it("replace() inserts a successor and ends the old key, sooner if asked again but never later", async () => {
    const { keys } = bench();
    await keys.insert(key("a"));
    const later = { createdAt: START + 1 };
    const endOf = async (id: string) => (await keys.findByHash(`hash-of-${id}`))?.expiresAt;
    expect(await keys.replace("a", key("b", later), START + 10)).toBe(true);
    expect(await keys.findByHash("hash-of-b")).toEqual(key("b", later));
    expect(await keys.findByHash("hash-of-a")).toEqual(key("a", { expiresAt: START + 10 }));
    expect(await keys.replace("a", key("c", later), START + 20)).toBe(true);
    expect(await endOf("a")).toBe(START + 10);
    // Immediately, too.
    expect(await keys.replace("b", key("d", later), START + 1)).toBe(true);
    expect(await endOf("b")).toBe(START + 1);
  });

  it("replace() changes nothing if there is no valid key", async () => {
    const { keys } = bench();
    await keys.insert(key("expired", { expiresAt: START + 1 }));
    await keys.insert(key("revoked"));
    await keys.revoke("revoked", START);
    const before = await keys.list();
    for (const id of ["expired", "revoked", "missing"]) {
      const successor = key("new", { createdAt: START + 1 });
      expect(await keys.replace(id, successor, START + 10), id).toBe(false);
    }
    expect(await keys.list()).toEqual(before);
  });

  it("replace() changes nothing if the successor cannot be inserted", async () => {
    const { keys } = bench();
    await keys.insert(key("a"));
    await keys.insert(key("b"));
    const taken = key("b", { createdAt: START + 1 });
    await expect(keys.replace("a", taken, START + 10)).rejects.toThrow();
    expect((await keys.findByHash("hash-of-a"))?.expiresAt).toBeNull();
  });
}
