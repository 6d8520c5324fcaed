import { expect, test } from "vitest";
import memory from "../../../drivers/memory.ts";
import { StorageProbe } from "../../../src/application/storages/storage-probe.ts";
import { SILENT } from "../../../src/domain/ports/logger.ts";
import { type StorageDriver, StowageError } from "../../../src/driver.ts";
import { testDriverContext } from "../../support/driver-context.ts";
import { TestClock } from "../../support/services.ts";

/** A probe of a memory driver with this `check`, which waits `timeoutMs` at most. */
async function probeOf(check: StorageDriver["check"], timeoutMs = 10, logger = SILENT) {
  const driver = { ...(await memory.open({}, testDriverContext())), check };
  const clock = new TestClock();
  return { clock, probe: new StorageProbe({ driver, clock, logger, timeoutMs }) };
}

test("health() of a storage that never responds is unhealthy, and checks again later", async () => {
  let checks = 0;
  const { probe, clock } = await probeOf(() => {
    checks += 1;
    return new Promise(() => {});
  });
  const unhealthy = { status: "unhealthy", errorCode: "storage_timeout" };
  expect(await probe.health(false)).toMatchObject(unhealthy);
  await probe.health(false);
  expect(checks).toBe(1);
  clock.advance(2_000);
  expect(await probe.health(false)).toMatchObject(unhealthy);
  expect(checks).toBe(2);
});

test("health() aborts a slow driver, and treats its abort as a timeout", async () => {
  const { probe } = await probeOf(
    async (options) =>
      await new Promise((_, reject) => {
        options?.signal?.addEventListener("abort", () => reject(options.signal?.reason));
      }),
  );
  expect(await probe.health(false)).toMatchObject({ errorCode: "storage_timeout" });
});

test("health() reuses a good result, checks again after a failure, and shares one check between callers", async () => {
  let checks = 0;
  const { probe, clock } = await probeOf(async () => {
    checks += 1;
    return { healthy: true, steps: [{ name: "read", ok: true }] };
  }, 60_000);
  await Promise.all([probe.health(false), probe.health(false)]);
  expect(checks).toBe(1);
  clock.advance(29_999);
  await probe.health(false);
  expect(checks).toBe(1);
  probe.forget();
  expect(await probe.health(false)).toMatchObject({ status: "healthy", errorCode: null });
  expect(checks).toBe(2);
});

test("health() checks a healthy storage quickly, unless a call has failed since or the check must be fresh", async () => {
  const quickChecks: unknown[] = [];
  let healthy = true;
  const { probe, clock } = await probeOf(async (options) => {
    quickChecks.push(options?.quick);
    return { healthy, steps: [{ name: "read", ok: healthy }] };
  }, 60_000);
  await probe.health(false);
  clock.advance(30_000);
  await probe.health(false);
  await probe.health(true);
  probe.forget();
  await probe.health(false);
  clock.advance(30_000);
  healthy = false;
  await probe.health(false);
  clock.advance(2_000);
  await probe.health(false);
  expect(quickChecks).toEqual([false, true, false, false, true, false]);
});

test("health() logs the error when a storage becomes unhealthy, and its recovery", async () => {
  const denied = new StowageError("storage_access_denied", "Cannot put: allow s3:PutObject");
  let error: StowageError | null = denied;
  const lines: unknown[] = [];
  const logger = {
    ...SILENT,
    warn: (event: string, data?: object) => void lines.push({ event, ...data }),
  };
  const { probe } = await probeOf(
    async () => ({
      healthy: error === null,
      steps: [{ name: "write", ok: error === null, error }],
    }),
    60_000,
    logger,
  );
  await probe.health(true);
  await probe.health(true);
  error = null;
  await probe.health(true);
  const event = "storage.health_changed";
  expect(lines).toEqual([
    { event, status: "unhealthy", errorCode: "storage_access_denied", error: denied },
    { event, status: "healthy", errorCode: null },
  ]);
});

test("a probe has the advice of the driver, and none while all is well", async () => {
  const options = { advice: "raise the quota" };
  let error: unknown = new StowageError("storage_full", "Cannot store: it is full", options);
  const { probe } = await probeOf(async () => ({
    healthy: error === null,
    steps: [{ name: "write", ok: error === null, error }],
  }));
  const full = { errorCode: "storage_full", advice: "raise the quota" };
  expect(await probe.health(true)).toMatchObject(full);
  error = null;
  expect(await probe.health(true)).toMatchObject({ errorCode: null, advice: null });
});
