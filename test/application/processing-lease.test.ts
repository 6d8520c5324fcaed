import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createInProcessQueue } from "../../src/adapters/queue/in-process.ts";
import { StowageError } from "../../src/domain/errors.ts";
import { defineProcessor, type ProcessorContext } from "../../src/processor.ts";
import { ACME, LEASE_MS, testServices } from "../support/services.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] }));
afterEach(() => void vi.useRealTimers());

/** Services whose first run waits until it may continue or is aborted. Later runs finish at once. */
async function heldServices() {
  const started = Promise.withResolvers<ProcessorContext>();
  const goOn = Promise.withResolvers<void>();
  const renewed: boolean[] = [];
  let runs = 0;
  const held = defineProcessor({
    name: "held",
    version: "1",
    accepts: ["text/plain"],
    async process(_, context) {
      runs += 1;
      const run = runs;
      if (run === 1) {
        started.resolve(context);
        await goOn.promise;
      }
      return { output: { run } };
    },
  });
  const services = await testServices({
    processors: [held],
    tamperRecords: (records) => ({
      async renewJob(...args) {
        const ours = await records.renewJob(...args);
        renewed.push(ours);
        return ours;
      },
    }),
  });
  const { id } = await services.put("hello", true);
  services.worker.start();
  const { signal } = await started.promise;
  return {
    services,
    id,
    signal,
    goOn: goOn.resolve,
    runs: () => runs,
    /** Let a third of the lease pass, so that the worker renews it. @returns Whether it was renewed. */
    async tick(): Promise<boolean | undefined> {
      const before = renewed.length;
      services.clock.advance(LEASE_MS / 3);
      vi.advanceTimersByTime(LEASE_MS / 3);
      await vi.waitFor(() => expect(renewed.length).toBe(before + 1));
      return renewed.at(-1);
    },
    async other() {
      // A separate queue, because another process gets no wake-ups.
      const worker = services.newWorker({ queue: createInProcessQueue() });
      worker.start();
      await worker.idle();
    },
  };
}

test("a job stays with its worker as long as its lease is renewed", async () => {
  const { services, id, goOn, runs, tick, other } = await heldServices();
  for (let third = 0; third < 5; third += 1) expect(await tick()).toBe(true);
  await other();
  expect(runs()).toBe(1);
  goOn();
  await services.worker.idle();
  expect(await services.uploads.get(ACME, id)).toMatchObject({
    status: "processed",
    processing: { attempts: 1 },
  });
});

test("a worker that lost its lease stops, and changes nothing", async () => {
  const { services, id, signal, runs, tick, other } = await heldServices();
  services.clock.advance(2 * LEASE_MS);
  await other();
  expect(runs()).toBe(2);
  const { revision } = await services.uploads.get(ACME, id);
  expect(signal.aborted).toBe(false);
  expect(await tick()).toBe(false);
  // The run ends, although its processor does not.
  await services.worker.idle();
  expect(signal.aborted).toBe(true);
  const { upload, results } = await services.processing.result(ACME, id);
  expect(upload).toMatchObject({ status: "processed", revision, processing: { attempts: 2 } });
  expect(results).toMatchObject([{ output: { run: 2 } }]);
});

test.each([
  [255, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000]],
  [127, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 150_000, 150_000]],
  [0, [4, 8, 16, 31, 63, 125, 250, 500, 1_000, 1_172, 1_172]],
])("each retry waits a random share of a limit that doubles up to five minutes (%i)", async (byte, waits) => {
  const services = await testServices({
    processors: [
      defineProcessor({
        name: "held",
        version: "1",
        accepts: ["text/plain"],
        process: async () => ({ output: {} }),
      }),
    ],
    maxAttempts: 20,
    extract: async () => {
      throw new StowageError("extractor_crashed", "Cannot process document: its process died", {
        retryable: true,
      });
    },
  });
  const { clock, records, storages, queue } = services;
  const { id } = await services.put("hello", true);
  services.newWorker({ random: (bytes) => bytes.fill(byte) }).start();
  const waited: number[] = [];
  while (waited.length < waits.length) {
    const tried = { status: "queued", processing: { attempts: waited.length + 1 } };
    await expect.poll(() => services.uploads.get(ACME, id), { interval: 2 }).toMatchObject(tried);
    const next = (await records.nextJobAt(storages.ids)) ?? expect.unreachable();
    waited.push(next - clock.now());
    clock.advance(next - clock.now());
    queue.wake();
  }
  expect(waited).toEqual(waits);
});
