import { expect, it } from "vitest";
import type { ReservationTerms } from "../../../../src/domain/ports/records.ts";
import {
  ACME,
  type Bench,
  dump,
  FACTS,
  GLOBEX,
  LEASE_MS,
  newUpload,
  reserve,
  START,
  STORAGES,
  store,
} from "../bench.ts";

const NONE = { bytes: 0, uploads: 0 };

function reserveOn(bench: Bench, terms: ReservationTerms, changes?: { tenant: typeof GLOBEX }) {
  return bench.records.reserve(newUpload(bench, changes), START + LEASE_MS, terms);
}

export function quotasContract(bench: () => Bench): void {
  it("usage() counts reserved bytes, then the size, until the row is removed", async () => {
    const { records } = bench();
    expect(await records.usage(ACME)).toEqual(NONE);
    const reservation = await reserveOn(bench(), { reserveBytes: 100 });
    expect(await records.usage(ACME)).toEqual({ bytes: 100, uploads: 1 });
    await records.reserveQuota(reservation, 300, { bytes: null, uploads: null });
    expect(await records.usage(ACME)).toEqual({ bytes: 300, uploads: 1 });
    await records.commit(reservation, { ...FACTS, sizeBytes: 200 });
    expect(await records.usage(ACME)).toEqual({ bytes: 200, uploads: 1 });
    const deleting = await records.beginDelete(ACME, reservation.id);
    expect(await records.usage(ACME)).toEqual({ bytes: 200, uploads: 1 });
    await records.finishDelete(deleting ?? expect.unreachable(), null);
    expect(await records.usage(ACME)).toEqual(NONE);
    expect(await records.usage(GLOBEX)).toEqual(NONE);
  });

  it("usage() does not count a reservation that was released, or collected and removed", async () => {
    const { records, clock } = bench();
    await records.release(await reserveOn(bench(), { reserveBytes: 7 }));
    expect(await records.usage(ACME)).toEqual(NONE);
    await reserveOn(bench(), { reserveBytes: 9 });
    clock.advance(LEASE_MS);
    const [dead] = await records.collectAbandoned(10, 0, STORAGES);
    expect(await records.usage(ACME)).toEqual({ bytes: 9, uploads: 1 });
    await records.finishDelete(dead ?? expect.unreachable(), null);
    expect(await records.usage(ACME)).toEqual(NONE);
  });

  it("usage() does not count the uploads of a dropped storage", async () => {
    const { records } = bench();
    await store(bench(), {}, { sizeBytes: 5 });
    await store(bench(), { storageId: "storage-2" }, { sizeBytes: 6 });
    await store(bench(), { storageId: "storage-2", tenant: GLOBEX }, { sizeBytes: 7 });
    await records.dropStorage("storage-2");
    expect(await records.usage(ACME)).toEqual({ bytes: 5, uploads: 1 });
    expect(await records.usage(GLOBEX)).toEqual(NONE);
  });

  it("commit() counts the size if no bytes were reserved", async () => {
    await bench().records.commit(await reserve(bench()), { ...FACTS, sizeBytes: 12 });
    expect(await bench().records.usage(ACME)).toEqual({ bytes: 12, uploads: 1 });
  });

  it("reserve() fills a quota to its last byte, and refuses more with the usage", async () => {
    const quota = { bytes: 100, uploads: null };
    await store(bench(), { tenant: GLOBEX }, { sizeBytes: 1000 });
    await reserveOn(bench(), { reserveBytes: 60, quota });
    const before = await dump(bench());
    await expect(reserveOn(bench(), { reserveBytes: 41, quota })).rejects.toMatchObject({
      code: "quota_exceeded",
      retryable: false,
      data: { limit: "bytes", usedBytes: 60, quotaBytes: 100, askedBytes: 41 },
      message:
        "Cannot store upload: it needs 41 bytes, and 60 of 100 are in use (delete uploads, or ask the operator for a larger quota)",
    });
    expect(await dump(bench())).toBe(before);
    await reserveOn(bench(), { reserveBytes: 40, quota });
  });

  it("reserve() refuses even empty uploads over a lowered quota", async () => {
    await reserveOn(bench(), { reserveBytes: 60 });
    await expect(
      reserveOn(bench(), { reserveBytes: 0, quota: { bytes: 50, uploads: null } }),
    ).rejects.toMatchObject({ code: "quota_exceeded" });
  });

  it("reserve() counts uploads, too", async () => {
    const quota = { bytes: 100, uploads: 2 };
    const first = await reserveOn(bench(), { quota });
    await reserveOn(bench(), { quota });
    await expect(reserveOn(bench(), { quota })).rejects.toMatchObject({
      code: "quota_exceeded",
      data: { limit: "uploads", usedUploads: 2, quotaUploads: 2 },
      message:
        "Cannot store upload: 2 of 2 uploads are in use (delete uploads, or ask the operator for a larger quota)",
    });
    await reserveOn(bench(), { quota }, { tenant: GLOBEX });
    await bench().records.release(first);
    await reserveOn(bench(), { quota });
  });

  it("reserve() admits exactly as many of 50 concurrent uploads as fit", async () => {
    const quota = { bytes: 130, uploads: null };
    const outcomes = await Promise.allSettled(
      Array.from({ length: 50 }, () => reserveOn(bench(), { reserveBytes: 10, quota })),
    );
    const lost = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome] : []));
    expect(lost).toHaveLength(37);
    for (const { reason } of lost) expect(reason).toMatchObject({ code: "quota_exceeded" });
    expect(await bench().records.usage(ACME)).toEqual({ bytes: 130, uploads: 13 });
  });

  it("reserveQuota() grows up to the quota, and keeps the reserved bytes if it refuses", async () => {
    const { records } = bench();
    const quota = { bytes: 100, uploads: 1 };
    await reserveOn(bench(), { reserveBytes: 30 });
    const reservation = await reserveOn(bench(), { reserveBytes: 10 });
    await records.reserveQuota(reservation, 70, quota);
    const before = await dump(bench());
    await expect(records.reserveQuota(reservation, 71, quota)).rejects.toMatchObject({
      code: "quota_exceeded",
      data: { limit: "bytes", usedBytes: 100, quotaBytes: 100, askedBytes: 1 },
    });
    expect(await dump(bench())).toBe(before);
    // Reserving less always succeeds.
    await records.reserveQuota(reservation, 60, { bytes: 0, uploads: 0 });
    expect(await records.usage(ACME)).toEqual({ bytes: 90, uploads: 2 });
  });

  it("reserveQuota() refuses a reservation that is lost, committed or another tenant's", async () => {
    const { records } = bench();
    const committed = await reserve(bench());
    await records.commit(committed, FACTS);
    const released = await reserve(bench());
    await records.release(released);
    const forged = { ...(await reserve(bench())), tenant: GLOBEX };
    const before = await dump(bench());
    for (const wrong of [committed, released, forged]) {
      await expect(
        records.reserveQuota(wrong, 5, { bytes: null, uploads: null }),
      ).rejects.toMatchObject({
        code: "reservation_lost",
      });
    }
    expect(await dump(bench())).toBe(before);
  });
}
