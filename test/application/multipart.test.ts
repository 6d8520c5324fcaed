import { CompiledQuery } from "kysely";
import { describe, expect, test } from "vitest";
import { StowageError } from "../../src/domain/errors.ts";
import { type MultipartFaults, PART_BYTES, withMultipart } from "../support/multipart-memory.ts";
import { LEASE_MS, type TestServicesOptions, testServices } from "../support/services.ts";

const LARGE = new Uint8Array(2 * PART_BYTES + 1).fill(7);

const away = () => new StowageError("storage_unavailable", "Cannot reach the storage: it is away");

/** The services over a storage that stores long bodies in parts. */
async function multipartServices(
  faults: MultipartFaults = {},
  options: Omit<TestServicesOptions, "tamper"> = {},
) {
  let storage: ReturnType<typeof withMultipart> | undefined;
  const services = await testServices({
    ...options,
    tamper: (driver) => {
      storage = withMultipart(driver, faults);
      return storage.verbs;
    },
  });
  return {
    ...services,
    /** Everything that is stored: keys, open multipart uploads, and rows with their multipart ids. */
    async left() {
      const query = CompiledQuery.raw("SELECT multipart_id AS id FROM uploads");
      const rows = (await services.executor.run(query)) as readonly { id: string | null }[];
      const ids = rows.map(({ id }) => id);
      return { keys: await services.keys(), parts: storage?.open(), rows: ids };
    },
  };
}

const NOTHING = { keys: [], parts: [], rows: [] };

describe("upload() in parts", () => {
  test("records the multipart upload before its first part, and commit() clears it", async () => {
    const faults: MultipartFaults = {};
    const services = await multipartServices(faults);
    const seen: unknown[] = [];
    faults.part = async (number) => void seen.push([number, (await services.left()).rows]);
    const upload = await services.put(LARGE);
    expect(seen).toEqual([1, 2, 3].map((number) => [number, ["multipart-1"]]));
    expect(await services.left()).toEqual({ keys: [upload.key], parts: [], rows: [null] });
  });

  test("records nothing for a body without parts", async () => {
    const services = await multipartServices(
      {},
      { tamperRecords: () => ({ noteMultipart: () => expect.unreachable() }) },
    );
    expect((await services.put(LARGE.subarray(0, PART_BYTES))).sizeBytes).toBe(PART_BYTES);
  });

  test("fails and keeps nothing if the multipart upload cannot be recorded", async () => {
    const lost = new StowageError("records_unavailable", "Cannot write", { retryable: true });
    const services = await multipartServices(
      { part: () => expect.unreachable() },
      { tamperRecords: () => ({ noteMultipart: () => Promise.reject(lost) }) },
    );
    await expect(services.put(LARGE)).rejects.toBe(lost);
    expect(await services.left()).toEqual(NOTHING);
  });

  test("aborts again if its driver could not abort, before the reservation is released", async () => {
    let aborts = 0;
    const failed = away();
    const services = await multipartServices({
      part(number) {
        if (number === 2) throw failed;
      },
      abort() {
        aborts += 1;
        if (aborts === 1) throw away();
      },
    });
    await expect(services.put(LARGE)).rejects.toBe(failed);
    expect(await services.left()).toEqual(NOTHING);
  });

  test("leaves its parts to the reconciler if they cannot be aborted now", async () => {
    let broken = true;
    const failed = away();
    const services = await multipartServices({
      part(number) {
        if (number === 2) throw failed;
      },
      abort() {
        if (broken) throw away();
      },
    });
    await expect(services.put(LARGE)).rejects.toBe(failed);
    const kept = { keys: [], parts: ["multipart-1"], rows: ["multipart-1"] };
    expect(await services.left()).toEqual(kept);
    services.clock.advance(LEASE_MS + 1);
    expect(await services.reconciler.run()).toMatchObject({ removed: 0, deferred: 1 });
    expect(await services.left()).toEqual(kept);
    broken = false;
    services.clock.advance(LEASE_MS + 1);
    expect(await services.reconciler.run()).toMatchObject({ removed: 1, deferred: 0 });
    expect(await services.left()).toEqual(NOTHING);
  });

  test("cleans up with its own signal after its caller has left", async () => {
    const caller = new AbortController();
    const services = await multipartServices({
      part(number) {
        if (number === 2) caller.abort();
      },
    });
    await expect(services.put(LARGE, false, caller.signal)).rejects.toMatchObject({
      code: "request_aborted",
    });
    expect(await services.left()).toEqual(NOTHING);
  });
});

describe("Reconciler", () => {
  /** A server that dies while it sends its second part. */
  async function died(faults: MultipartFaults = {}) {
    const second = Promise.withResolvers<void>();
    const services = await multipartServices({
      ...faults,
      async part(number) {
        if (number < 2) return;
        second.resolve();
        await new Promise(() => {});
      },
    });
    void services.put(LARGE).catch(() => {});
    await second.promise;
    services.clock.advance(LEASE_MS + 1);
    return services;
  }

  test("aborts the parts of a crashed upload by their id if it may not list them", async () => {
    const services = await died({ mayList: false });
    expect(await services.left()).toMatchObject({ parts: ["multipart-1"], rows: ["multipart-1"] });
    expect(await services.reconciler.run()).toMatchObject({ removed: 1, deferred: 0 });
    expect(await services.left()).toEqual(NOTHING);
  });

  test("does not wait forever for parts that its driver does not know", async () => {
    const services = await testServices({
      tamperRecords: () => ({ commit: () => new Promise(() => {}) }),
    });
    void services.put(LARGE).catch(() => {});
    await expect.poll(() => services.keys()).toHaveLength(1);
    await services.executor.run(CompiledQuery.raw("UPDATE uploads SET multipart_id = 'other'"));
    services.clock.advance(LEASE_MS + 1);
    expect(await services.reconciler.run()).toMatchObject({ removed: 1, deferred: 0 });
    expect([await services.keys(), await services.rows()]).toEqual([[], 0]);
  });

  test("keeps the row until the parts are removed", async () => {
    let broken = true;
    const services = await died({
      abort() {
        if (broken) throw away();
      },
    });
    expect(await services.reconciler.run()).toMatchObject({ removed: 0, deferred: 1 });
    expect(await services.left()).toMatchObject({ parts: ["multipart-1"], rows: ["multipart-1"] });
    broken = false;
    services.clock.advance(LEASE_MS + 1);
    expect(await services.reconciler.run()).toMatchObject({ removed: 1, deferred: 0 });
    expect(await services.left()).toEqual(NOTHING);
  });

  test.each([
    "part",
    "complete",
  ] as const)("leaves nothing to complete to a writer that was suspended before its %s", async (moment) => {
    const faults: MultipartFaults = {};
    const services = await multipartServices(faults);
    let cleaned: unknown;
    faults[moment] = async () => {
      if (cleaned !== undefined) return;
      services.clock.advance(LEASE_MS + 1);
      await services.reconciler.run();
      cleaned = await services.left();
    };
    await expect(services.put(LARGE)).rejects.toMatchObject({ code: "storage_unavailable" });
    expect(cleaned).toEqual(NOTHING);
    expect(await services.left()).toEqual(NOTHING);
  });

  test("refuses parts of a writer that was suspended before its first part", async () => {
    const services = await multipartServices(
      { part: () => expect.unreachable() },
      {
        tamperRecords: (records) => ({
          async noteMultipart(...args) {
            services.clock.advance(LEASE_MS + 1);
            await services.reconciler.run();
            await records.noteMultipart(...args);
          },
        }),
      },
    );
    await expect(services.put(LARGE)).rejects.toMatchObject({ code: "reservation_lost" });
    expect(await services.left()).toEqual(NOTHING);
  });
});
