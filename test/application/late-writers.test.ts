import { expect, test } from "vitest";
import { isCheckDue, LATE_WRITER_MS } from "../../src/application/uploads/erase.ts";
import { StowageError } from "../../src/domain/errors.ts";
import { parseFilename } from "../../src/domain/filename.ts";
import {
  buildObjectKey,
  derivedFolder,
  derivedKey,
  type ObjectKey,
  parseObjectKey,
} from "../../src/domain/object-key.ts";
import type { LeftoverGroup, LeftoverSelection } from "../../src/domain/ports/storage-driver.ts";
import { newUploadId } from "../../src/domain/upload-id.ts";
import { defineProcessor } from "../../src/processor.ts";
import { ACME, bytesOf, LEASE_MS, testServices } from "../support/services.ts";

type Services = Awaited<ReturnType<typeof testServices>>;

const MINUTE = 60_000;

const IDLE = defineProcessor({
  name: "idle",
  version: "1",
  accepts: ["text/plain"],
  process: async () => ({ output: {} }),
});

/** Records the calls, and finds no leftovers. */
function recordLeftovers(calls: unknown[]): LeftoverGroup {
  return {
    async remove(which) {
      calls.push(which);
      return 0;
    },
  };
}

/** A writer that was considered dead writes after all. Half a minute later the reconciler checks for it. */
async function writeLate({ driver, clock }: Services, key: ObjectKey): Promise<void> {
  await driver.put(key, { kind: "bytes", bytes: bytesOf("late") });
  clock.advance(30_000);
}

test("the reconciler removes what an abandoned upload still writes", async () => {
  const services = await testServices();
  const key = await reserve(services);
  services.clock.advance(LEASE_MS + 1);
  expect(await services.reconciler.run()).toMatchObject({ removed: 1 });
  await writeLate(services, key);
  await services.reconciler.run();
  expect(await services.keys()).toEqual([]);
});

test("the reconciler removes the text that a job writes after its upload was deleted", async () => {
  const services = await testServices({ processors: [IDLE] });
  const { id } = await services.put("hello", true);
  // Another process has the job and is suspended: it neither renews nor discards anything.
  const job = await services.records.claim("token", LEASE_MS, services.storages.ids);
  expect(job?.upload.id).toBe(id);
  await services.uploads.delete(ACME, id);
  await writeLate(services, derivedKey(ACME, id, "idle-2.txt"));
  await services.reconciler.run();
  expect(await services.keys()).toEqual([]);
});

test("the reconciler removes the text of a job that was taken over before the delete", async () => {
  const services = await testServices({ processors: [IDLE] });
  const { id } = await services.put("hello", true);
  await services.records.claim("suspended", services.clock.now() + LEASE_MS, services.storages.ids);
  services.clock.advance(LEASE_MS + 1);
  services.worker.start();
  await services.worker.idle();
  await services.worker.stop();
  expect((await services.uploads.get(ACME, id)).status).toBe("processed");
  await services.uploads.delete(ACME, id);
  await writeLate(services, derivedKey(ACME, id, "idle-2.txt"));
  await services.reconciler.run();
  expect(await services.keys()).toEqual([]);
});

test("a job that ended normally leaves neither leftovers to check nor keys to watch", async () => {
  const calls: LeftoverSelection[] = [];
  const services = await testServices({
    processors: [IDLE],
    tamper: () => ({ leftovers: recordLeftovers(calls) }),
  });
  const { id } = await services.put("hello", true);
  services.worker.start();
  await services.worker.idle();
  await services.uploads.delete(ACME, id);
  expect(calls).toEqual([]);
  expect(await watched(services)).toEqual([]);
});

test("delete() removes unfinished writes before it checks for completed ones", async () => {
  const done: unknown[] = [];
  const services = await testServices({
    processors: [IDLE],
    tamper: (driver) => ({
      leftovers: recordLeftovers(done),
      async list(prefix, options) {
        done.push({ prefix });
        return await driver.list(prefix, options);
      },
    }),
  });
  const { id } = await services.put("hello", true);
  await services.records.claim("dead", services.clock.now() + LEASE_MS, services.storages.ids);
  await services.uploads.delete(ACME, id);
  const folder = derivedFolder(ACME, id);
  expect(done).toEqual([{ folder }, { prefix: `${folder}/` }]);
});

test.each([
  [10 * MINUTE, [0, 10, 70, 130]],
  [undefined, [0, 60, 120]],
])("leftovers that count as dead after %s ms are removed at start-up, after that time, and hourly", async (deadAfterMs, minutes) => {
  const calls: LeftoverSelection[] = [];
  const { reconciler, clock } = await testServices({
    tamper: () => ({
      leftovers: { ...recordLeftovers(calls), ...(deadAfterMs && { deadAfterMs }) },
    }),
  });
  const start = clock.now();
  for (let minute = 0; minute <= 130; minute += 1) {
    await reconciler.run();
    clock.advance(MINUTE);
  }
  const age = deadAfterMs ?? LATE_WRITER_MS;
  expect(calls).toEqual(minutes.map((minute) => ({ before: start + minute * MINUTE - age })));
});

test("the reconciler watches every abandoned key until it cannot be written any more", async () => {
  const services = await testServices();
  const keys: ObjectKey[] = [];
  while (keys.length < 1001) keys.push(await reserve(services));
  services.clock.advance(LEASE_MS + 1);
  expect(await services.reconciler.run()).toMatchObject({ removed: 1001 });
  for (const key of keys) await writeLate(services, key);
  // All have expired: they are checked a last time before they are dropped.
  services.clock.advance(LATE_WRITER_MS + 1);
  await services.reconciler.run();
  expect(await services.keys()).toEqual([]);
  expect(await watched(services)).toEqual([]);
});

test.each([
  "storage_timeout",
  "storage_unavailable",
  "request_aborted",
] as const)("the reconciler removes what a put that ended with %s stores behind its delete", async (code) => {
  const late: ObjectKey[] = [];
  const services = await testServices({
    tamper: ({ limits: { failureIsFinal: _, ...limits } }) => ({
      limits,
      async put(key) {
        late.push(key);
        throw new StowageError(code, "Cannot put: the caller has left");
      },
    }),
  });
  await expect(services.put("hello")).rejects.toMatchObject({ code });
  expect(await services.rows()).toBe(0);
  await writeLate(services, late[0] as ObjectKey);
  await services.reconciler.run();
  expect(await services.keys()).toEqual([]);
});

test("uploads that fail finally leave no key to watch", async () => {
  const local = await testServices({
    tamper: () => ({
      put: () => Promise.reject(new StowageError("storage_timeout", "Cannot put: too slow")),
    }),
  });
  await expect(local.put("hello")).rejects.toMatchObject({ code: "storage_timeout" });
  expect(await watched(local)).toEqual([]);
  const remote = await testServices({
    maxUploadBytes: 4,
    tamper: ({ limits: { failureIsFinal: _, ...limits } }) => ({ limits }),
  });
  await expect(remote.put("hello")).rejects.toMatchObject({ code: "upload_too_large" });
  expect(await watched(remote)).toEqual([]);
});

test("a tombstone is checked less and less often, and once after it has expired", () => {
  const until = LATE_WRITER_MS;
  const tombstone = { storageId: "s", key: parseObjectKey("a/b/c"), until };
  const looks: number[] = [];
  for (let now = 60_000; now <= until + 60_000; now += 60_000) {
    if (isCheckDue(tombstone, now - 60_000, now)) looks.push(now / 60_000);
  }
  expect(looks).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1441]);
  // A server that has just started has not checked yet.
  expect(isCheckDue(tombstone, Number.NEGATIVE_INFINITY, 5_000_000)).toBe(true);
});

test("the reconciler deletes nothing without a late write", async () => {
  let deletes = 0;
  const services = await testServices({
    tamper: (driver) => ({
      async delete(keys, options) {
        deletes += keys.length;
        return await driver.delete(keys, options);
      },
    }),
  });
  await reserve(services);
  services.clock.advance(LEASE_MS + 1);
  await services.reconciler.run();
  expect(deletes).toBe(1);
  services.clock.advance(LATE_WRITER_MS + 1);
  await services.reconciler.run();
  expect(deletes).toBe(1);
  expect(await watched(services)).toEqual([]);
});

async function watched({ records, storages }: Services) {
  return await records.tombstones(storages.primary.id, 10);
}

/** An upload whose process dies. */
async function reserve({ records, storages, clock }: Services): Promise<ObjectKey> {
  const id = newUploadId(clock.now(), (bytes) => crypto.getRandomValues(bytes));
  const filename = parseFilename("a.txt");
  const key = buildObjectKey({ tenant: ACME, uploadId: id, filename });
  const upload = { id, tenant: ACME, storageId: storages.primary.id, key, filename };
  const rest = { originalFilename: "a.txt", contentType: "text/plain", createdBy: "key:test" };
  await records.reserve({ ...upload, ...rest }, clock.now() + LEASE_MS);
  return key;
}
