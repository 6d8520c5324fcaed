import { expect, it } from "vitest";
import { ACME, type Bench, dump, FACTS, GLOBEX, LEASE_MS, newUpload, STORAGES } from "../bench.ts";

const DAY_MS = 24 * 60 * 60_000;
const KEYED = { ...FACTS, fingerprint: "f" };

function reserveWith(
  bench: Bench,
  idempotencyKey: string,
  changes?: Parameters<typeof newUpload>[1],
) {
  const leaseUntil = bench.clock.now() + LEASE_MS;
  return bench.records.reserve(newUpload(bench, changes), leaseUntil, { idempotencyKey });
}

export function idempotencyRecordsContract(bench: () => Bench): void {
  it("findIdempotencyRecord() returns an upload that is arriving, and later the committed one", async () => {
    const { records } = bench();
    expect(await records.findIdempotencyRecord(ACME, "k")).toBeNull();
    const reservation = await reserveWith(bench(), "k");
    expect(await records.findIdempotencyRecord(ACME, "k")).toEqual({
      uploadId: reservation.id,
      fingerprint: null,
      upload: await records.find(ACME, reservation.id),
      leaseUntil: bench().clock.now() + LEASE_MS,
    });
    const upload = await records.commit(reservation, KEYED);
    const repeat = { uploadId: upload.id, fingerprint: "f", upload, leaseUntil: null };
    expect(await records.findIdempotencyRecord(ACME, "k")).toEqual(repeat);
    // Called again because its response was lost.
    await records.commit(reservation, KEYED);
    expect(await records.findIdempotencyRecord(ACME, "k")).toEqual(repeat);
    expect(await records.findIdempotencyRecord(GLOBEX, "k")).toBeNull();
    expect(await records.findIdempotencyRecord(ACME, "K")).toBeNull();
  });

  it("reserve() refuses a key of another upload of the tenant before it checks the quota", async () => {
    const { records } = bench();
    await records.commit(await reserveWith(bench(), "k"), KEYED);
    const before = await dump(bench());
    const quota = { bytes: 0, uploads: 0 };
    for (const terms of [{ idempotencyKey: "k" }, { idempotencyKey: "k", quota }]) {
      await expect(records.reserve(newUpload(bench()), 0, terms)).rejects.toMatchObject({
        code: "idempotency_key_in_use",
      });
    }
    expect(await dump(bench())).toBe(before);
    await reserveWith(bench(), "k", { tenant: GLOBEX });
    await reserveWith(bench(), "l");
  });

  it("reserve() leaves the key free if the quota refuses", async () => {
    const { records } = bench();
    const terms = { idempotencyKey: "k", quota: { bytes: null, uploads: 0 } };
    await expect(records.reserve(newUpload(bench()), 0, terms)).rejects.toMatchObject({
      code: "quota_exceeded",
    });
    expect(await records.findIdempotencyRecord(ACME, "k")).toBeNull();
  });

  it("reserve() gives a key to exactly one of 50 concurrent uploads", async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 50 }, () => reserveWith(bench(), "k")),
    );
    const won = outcomes.filter(({ status }) => status === "fulfilled");
    const lost = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome] : []));
    expect(won).toHaveLength(1);
    for (const { reason } of lost) expect(reason).toMatchObject({ code: "idempotency_key_in_use" });
    expect(await bench().records.usage(ACME)).toMatchObject({ uploads: 1 });
  });

  it("a key is free again when its upload is released or abandoned", async () => {
    const { records, clock } = bench();
    await records.release(await reserveWith(bench(), "k"));
    expect(await records.findIdempotencyRecord(ACME, "k")).toBeNull();
    const dead = await reserveWith(bench(), "k");
    clock.advance(LEASE_MS);
    await records.collectAbandoned(10, 0, STORAGES);
    expect(await records.findIdempotencyRecord(ACME, "k")).toBeNull();
    const next = await reserveWith(bench(), "k");
    // Removing the abandoned upload does not affect the new one.
    await expect(records.commit(dead, KEYED)).rejects.toMatchObject({ code: "reservation_lost" });
    await records.collectAbandoned(10, 0, STORAGES);
    await records.release(dead);
    expect(await records.findIdempotencyRecord(ACME, "k")).toMatchObject({
      uploadId: next.id,
      fingerprint: null,
    });
  });

  it("a key is free as soon as its lease has ended, and its reservation is lost once another upload takes it", async () => {
    const { records, clock } = bench();
    const dead = await reserveWith(bench(), "k");
    clock.advance(LEASE_MS - 1);
    await expect(reserveWith(bench(), "k")).rejects.toMatchObject({
      code: "idempotency_key_in_use",
    });
    clock.advance(1);
    expect(await records.findIdempotencyRecord(ACME, "k")).toBeNull();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, () => reserveWith(bench(), "k")),
    );
    const [next, ...others] = outcomes.flatMap((outcome) =>
      outcome.status === "fulfilled" ? [outcome.value] : [],
    );
    expect(others).toEqual([]);
    await expect(records.commit(dead, KEYED)).rejects.toMatchObject({ code: "reservation_lost" });
    expect(await records.renewReservation(dead, clock.now() + LEASE_MS)).toBe(false);
    await records.release(dead);
    expect((await records.findIdempotencyRecord(ACME, "k"))?.uploadId).toBe(next?.id);
    await records.commit(next ?? expect.unreachable(), KEYED);
    // Clean-up still finds its bytes.
    expect(await records.collectAbandoned(10, 0, STORAGES)).toMatchObject([{ id: dead.id }]);
    expect((await records.findIdempotencyRecord(ACME, "k"))?.uploadId).toBe(next?.id);
  });

  it("a reservation survives the end of its lease if no upload takes its key, or the quota refuses that upload", async () => {
    const { records, clock } = bench();
    const late = await reserveWith(bench(), "k");
    clock.advance(LEASE_MS);
    const terms = { idempotencyKey: "k", quota: { bytes: null, uploads: 0 } };
    await expect(records.reserve(newUpload(bench()), 0, terms)).rejects.toMatchObject({
      code: "quota_exceeded",
    });
    const upload = await records.commit(late, KEYED);
    expect(await records.findIdempotencyRecord(ACME, "k")).toMatchObject({
      upload: { id: upload.id },
    });
  });

  it("reserve() frees the bytes of an expired reservation for the request that takes its key", async () => {
    const { records, clock } = bench();
    const begin = (key: string) =>
      records.reserve(newUpload(bench()), clock.now() + LEASE_MS, {
        idempotencyKey: key,
        reserveBytes: 10,
        quota: { bytes: 10, uploads: 1 },
      });
    await begin("k");
    clock.advance(LEASE_MS);
    await expect(begin("another")).rejects.toMatchObject({ code: "quota_exceeded" });
    await begin("k");
    expect(await records.usage(ACME)).toMatchObject({ bytes: 10 });
    await expect(begin("another")).rejects.toMatchObject({ code: "quota_exceeded" });
  });

  it("a key is free again when the storage of its arriving upload is dropped", async () => {
    const { records } = bench();
    const kept = await reserveWith(bench(), "committed");
    await records.commit(kept, KEYED);
    await reserveWith(bench(), "k");
    await records.dropStorage("storage-1");
    expect(await records.findIdempotencyRecord(ACME, "k")).toBeNull();
    expect(await records.findIdempotencyRecord(ACME, "committed")).toMatchObject({ upload: null });
  });

  it("a key is kept for 24 h after the commit, even if the upload is deleted", async () => {
    const { records, clock } = bench();
    const reservation = await reserveWith(bench(), "k");
    clock.advance(LEASE_MS);
    await records.commit(reservation, KEYED);
    const deleting = await records.beginDelete(ACME, reservation.id);
    const gone = { uploadId: reservation.id, upload: null, fingerprint: "f", leaseUntil: null };
    expect(await records.findIdempotencyRecord(ACME, "k")).toEqual(gone);
    await records.finishDelete(deleting ?? expect.unreachable(), null);
    clock.advance(DAY_MS - 1);
    expect(await records.findIdempotencyRecord(ACME, "k")).toEqual(gone);
    await expect(reserveWith(bench(), "k")).rejects.toMatchObject({
      code: "idempotency_key_in_use",
    });
    expect(await records.dropIdempotencyRecords()).toBe(0);
    clock.advance(1);
    expect(await records.findIdempotencyRecord(ACME, "k")).toBeNull();
    const next = await reserveWith(bench(), "k");
    expect(await records.findIdempotencyRecord(ACME, "k")).toMatchObject({
      uploadId: next.id,
      fingerprint: null,
    });
  });

  it("dropIdempotencyRecords() removes expired keys, but not those of arriving uploads", async () => {
    const { records, clock } = bench();
    await records.commit(await reserveWith(bench(), "old"), KEYED);
    const slow = await reserveWith(bench(), "slow");
    await records.renewReservation(slow, clock.now() + 2 * DAY_MS);
    clock.advance(DAY_MS);
    await records.commit(await reserveWith(bench(), "new"), KEYED);
    expect(await records.dropIdempotencyRecords()).toBe(1);
    expect(await records.dropIdempotencyRecords()).toBe(0);
    expect(await records.findIdempotencyRecord(ACME, "slow")).not.toBeNull();
    expect(await records.findIdempotencyRecord(ACME, "new")).not.toBeNull();
  });

  it("findIdempotencyRecord() treats an expired upload as deleted", async () => {
    const { records, clock } = bench();
    const expiresAt = clock.now() + 5;
    await records.commit(await reserveWith(bench(), "k"), { ...KEYED, expiresAt });
    clock.advance(5);
    expect(await records.findIdempotencyRecord(ACME, "k")).toMatchObject({
      upload: null,
      fingerprint: "f",
    });
  });
}
