import { expect, test } from "vitest";
import memory from "../../drivers/memory.ts";
import { StowageError } from "../../src/domain/errors.ts";
import type { StorageDriver } from "../../src/domain/ports/storage-driver.ts";
import { probeDriver } from "../../src/domain/probe-driver.ts";
import { testDriverContext } from "../support/driver-context.ts";

const context = testDriverContext();
const denied = async (): Promise<never> => {
  throw new StowageError("storage_access_denied", "Cannot do that: access is denied");
};

/** Probe a memory driver with some replaced verbs. @returns The steps that worked. */
async function probe(change: (driver: StorageDriver) => Partial<StorageDriver>) {
  const driver = await memory.open({}, context);
  const check = await probeDriver({ ...driver, ...change(driver) }, context.random);
  const steps = Object.fromEntries(check.steps.map(({ name, ok }) => [name, ok]));
  return {
    healthy: check.healthy,
    ...steps,
    left: (await driver.list(".stowage/")).objects.length,
  };
}

const GOOD = { healthy: true, write: true, read: true, list: true, delete: true, left: 0 };

test("probeDriver() reports a working driver as healthy, and leaves nothing behind", async () => {
  expect(await probe(() => ({}))).toEqual(GOOD);
});

test("probeDriver() reports exactly the verb that is denied", async () => {
  const bad = { ...GOOD, healthy: false };
  expect(await probe(() => ({ put: denied }))).toEqual({ ...bad, write: false });
  expect(await probe(() => ({ get: denied }))).toEqual({ ...bad, read: false });
  expect(await probe(() => ({ list: denied }))).toEqual({ ...bad, list: false });
  expect(await probe(() => ({ delete: denied }))).toEqual({ ...bad, delete: false, left: 1 });
});

test("probeDriver() fails for a driver that returns other bytes, lists nothing or deletes nothing", async () => {
  const bad = { ...GOOD, healthy: false };
  expect(
    await probe((driver) => ({
      put: (key) => driver.put(key, { kind: "bytes", bytes: new Uint8Array(16) }),
    })),
  ).toEqual({ ...bad, read: false });
  expect(await probe(() => ({ list: async () => ({ objects: [], next: null }) }))).toEqual({
    ...bad,
    list: false,
  });
  expect(await probe(() => ({ delete: async () => ({ failures: [] }) }))).toEqual({
    ...bad,
    delete: false,
    left: 1,
  });
});

test("probeDriver() cleans up and throws request_aborted when it is aborted", async () => {
  const driver = await memory.open({}, context);
  const controller = new AbortController();
  const get: StorageDriver["get"] = async (key, options) => {
    controller.abort();
    return await driver.get(key, options);
  };
  const { signal } = controller;
  const probing = probeDriver({ ...driver, get }, context.random, { signal });
  await expect(probing).rejects.toMatchObject({ code: "request_aborted" });
  expect((await driver.list(".stowage/")).objects).toEqual([]);
});
