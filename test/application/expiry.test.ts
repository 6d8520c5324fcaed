import { expect, test } from "vitest";
import { isStowageError } from "../../src/domain/errors.ts";
import { ACME, LEASE_MS, testServices } from "../support/services.ts";
import { ECHO } from "../support/test-app.ts";

const HOUR_MS = 60 * 60_000;

async function expiring(services: Awaited<ReturnType<typeof testServices>>, inMs: number) {
  const { id } = await services.put("soon gone");
  const expiresAt = services.clock.now() + inMs;
  await services.records.update(ACME, id, { expiresAt }, null);
  return id;
}

async function keysOf({ driver }: Awaited<ReturnType<typeof testServices>>): Promise<string[]> {
  return (await driver.list("")).objects
    .map(({ key }) => key)
    .filter((key) => !key.startsWith("."));
}

test("an upload is not found as soon as it expires, and the next run removes its bytes", async () => {
  const services = await testServices();
  const id = await expiring(services, HOUR_MS);
  const stays = await services.put("stays");
  services.clock.advance(HOUR_MS - 1);
  expect((await services.uploads.get(ACME, id)).id).toBe(id);
  expect(await services.reconciler.run()).toMatchObject({ expired: 0 });
  services.clock.advance(1);
  const missing = await services.uploads.get(ACME, id).catch((error: unknown) => error);
  expect(isStowageError(missing, "upload_not_found")).toBe(true);
  expect(await keysOf(services)).toHaveLength(2);
  expect(await services.reconciler.run()).toMatchObject({ expired: 1, removed: 0, deferred: 0 });
  expect(await keysOf(services)).toEqual([stays.key]);
  expect(await services.records.usage(ACME)).toEqual({ uploads: 1, bytes: 5 });
  // Late writes are not possible any more.
  expect(await services.records.tombstones(services.storages.primary.id, 10)).toEqual([]);
});

test("texts of an upload are removed with it when it expires", async () => {
  const services = await testServices({ processors: [ECHO] });
  const { id } = await services.put("soon gone", true);
  services.worker.start();
  await services.worker.idle();
  const derived = async () => (await services.keys()).filter((key) => key.includes("/derived/"));
  expect(await derived()).toHaveLength(1);
  await services.records.update(ACME, id, { expiresAt: services.clock.now() + HOUR_MS }, null);
  services.clock.advance(HOUR_MS);
  expect(await services.reconciler.run()).toMatchObject({ expired: 1 });
  expect(await services.keys()).toEqual([]);
  expect(await services.rows()).toBe(0);
});

test("hundreds of uploads that expire at once are removed in one run", async () => {
  const services = await testServices();
  for (let i = 0; i < 250; i += 1) await expiring(services, HOUR_MS);
  services.clock.advance(2 * HOUR_MS);
  expect(await services.reconciler.run()).toMatchObject({ expired: 250 });
  expect(await keysOf(services)).toEqual([]);
});

test("an expired upload that cannot be removed now is removed later", async () => {
  let broken = true;
  const services = await testServices({
    tamper: (driver) => ({
      delete: async (...args) => {
        if (broken) throw new Error("away");
        return await driver.delete(...args);
      },
    }),
  });
  const id = await expiring(services, HOUR_MS);
  services.clock.advance(HOUR_MS);
  expect(await services.reconciler.run()).toMatchObject({ expired: 0, deferred: 1 });
  await expect(services.uploads.get(ACME, id)).rejects.toThrow();
  broken = false;
  services.clock.advance(LEASE_MS + 1);
  expect(await services.reconciler.run()).toMatchObject({ removed: 1, deferred: 0 });
  expect(await keysOf(services)).toEqual([]);
});

test("Idempotency-Keys expire a day after their commit", async () => {
  const services = await testServices();
  const input = {
    tenant: ACME,
    createdBy: "key:test",
    originalFilename: "a.txt",
    body: { kind: "bytes" as const, bytes: new TextEncoder().encode("x") },
    details: async () => ({ autoProcess: false, metadata: {} }),
    idempotencyKey: "k",
  };
  await services.uploads.upload(input);
  services.clock.advance(24 * HOUR_MS);
  await services.reconciler.run();
  expect(await services.records.dropIdempotencyRecords()).toBe(0);
  expect(await services.records.findIdempotencyRecord(ACME, "k")).toBeNull();
});
