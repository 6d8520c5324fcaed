import { expect, test } from "vitest";
import { LATE_WRITER_MS } from "../../src/application/erase.ts";
import { parseFilename } from "../../src/domain/filename.ts";
import { buildObjectKey, derivedKey, type ObjectKey } from "../../src/domain/object-key.ts";
import { newUploadId } from "../../src/domain/upload-id.ts";
import { defineProcessor } from "../../src/processor.ts";
import { ACME, bytesOf, LEASE_MS, testServices } from "../support/services.ts";

type Services = Awaited<ReturnType<typeof testServices>>;

/** Somebody who was declared dead writes after all. */
async function writeLate({ driver }: Services, key: ObjectKey): Promise<void> {
  await driver.put(key, { kind: "bytes", bytes: bytesOf("late") });
}

test("the reconciler removes what an upload writes that was given up", async () => {
  const services = await testServices();
  const key = await reserve(services);
  services.clock.advance(LEASE_MS + 1);
  expect(await services.reconciler.run()).toMatchObject({ removed: 1 });
  await writeLate(services, key);
  await services.reconciler.run();
  expect(await services.keys()).toEqual([]);
});

test("the reconciler removes the text that a job writes whose upload was deleted", async () => {
  const idle = defineProcessor({
    ...{ name: "idle", version: "1", accepts: ["text/plain"] },
    process: async () => ({ output: {} }),
  });
  const services = await testServices({ processors: [idle] });
  const { id } = await services.put("hello", true);
  // Another process has the job, and is suspended: it neither renews nor discards anything.
  const job = await services.records.claim("token", LEASE_MS, services.storages.ids);
  expect(job?.upload.id).toBe(id);
  await services.uploads.delete(ACME, id);
  await writeLate(services, derivedKey(ACME, id, "idle-2.txt"));
  await services.reconciler.run();
  expect(await services.keys()).toEqual([]);
});

test("the reconciler watches every key that was given up, until none can be written", async () => {
  const services = await testServices();
  const keys: ObjectKey[] = [];
  while (keys.length < 1001) keys.push(await reserve(services));
  services.clock.advance(LEASE_MS + 1);
  expect(await services.reconciler.run()).toMatchObject({ removed: 1001 });
  for (const key of keys) await writeLate(services, key);
  // All have run out: this is the last look at them, and it comes before they are forgotten.
  services.clock.advance(LATE_WRITER_MS + 1);
  await services.reconciler.run();
  expect(await services.keys()).toEqual([]);
  expect(await services.records.tombstones(services.storages.primary.id, 1)).toEqual([]);
});

/** An upload whose process dies over it. */
async function reserve({ records, storages, clock }: Services): Promise<ObjectKey> {
  const id = newUploadId(clock.now(), (bytes) => crypto.getRandomValues(bytes));
  const filename = parseFilename("a.txt");
  const key = buildObjectKey({ tenant: ACME, uploadId: id, filename });
  const upload = { id, tenant: ACME, storageId: storages.primary.id, key, filename };
  const rest = { originalFilename: "a.txt", contentType: "text/plain", createdBy: "key:test" };
  await records.reserve({ ...upload, ...rest }, clock.now() + LEASE_MS);
  return key;
}
