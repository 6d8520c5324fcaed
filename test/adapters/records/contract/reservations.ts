import { expect, it } from "vitest";
import {
  ACME,
  type Bench,
  dump,
  eventTypes,
  FACTS,
  GLOBEX,
  LEASE_MS,
  newUpload,
  reserve,
  START,
  STORAGES,
  store,
} from "../bench.ts";

export function reservationsContract(bench: () => Bench): void {
  it("reserve() inserts an uploading record without an event", async () => {
    const planned = newUpload(bench());
    const reservation = await bench().records.reserve(planned, START + LEASE_MS);
    expect(reservation).toEqual({
      id: planned.id,
      tenant: ACME,
      storageId: "storage-1",
      key: planned.key,
      revision: 1,
    });
    expect(await bench().records.find(ACME, planned.id)).toEqual({
      ...planned,
      revision: 1,
      status: "uploading",
      sizeBytes: null,
      sha256: null,
      metadata: {},
      externalId: null,
      multipartId: null,
      expiresAt: null,
      missingSince: null,
      processing: {
        attempts: 0,
        error: null,
        startedAt: null,
        finishedAt: null,
        takenOverAt: null,
      },
      createdAt: START,
      updatedAt: START,
    });
    expect(await eventTypes(bench(), planned)).toEqual([]);
  });

  it("reserve() refuses an id or a key of another upload", async () => {
    const first = newUpload(bench());
    await bench().records.reserve(first, START);
    const sameKey = { ...newUpload(bench()), key: first.key };
    for (const twin of [first, sameKey]) {
      await expect(bench().records.reserve(twin, START)).rejects.toMatchObject({
        code: "upload_conflict",
        retryable: false,
      });
    }
  });

  it("commit() stores the upload with its facts and its event", async () => {
    const reservation = await reserve(bench());
    bench().clock.advance(5);
    const upload = await bench().records.commit(reservation, { ...FACTS, expiresAt: START + 9 });
    const { process: _, ...facts } = FACTS;
    expect(upload).toMatchObject({
      ...facts,
      status: "stored",
      revision: 2,
      expiresAt: START + 9,
      createdAt: START,
      updatedAt: START + 5,
    });
    expect(await bench().records.find(ACME, upload.id)).toEqual(upload);
    expect(await bench().records.events(ACME, upload.id, 0, 10)).toEqual([
      {
        attempts: 0,
        error: null,
        uploadId: upload.id,
        tenant: ACME,
        type: "upload.stored",
        revision: 2,
        at: START + 5,
      },
    ]);
    expect(await bench().records.nextJobAt(STORAGES)).toBeNull();
  });

  it("commit() queues the upload if it names processors", async () => {
    const upload = await store(bench(), {}, { process: ["text"] });
    expect(upload.status).toBe("queued");
    expect(await bench().records.nextJobAt(STORAGES)).toBe(START);
    expect(await eventTypes(bench(), upload)).toEqual(["queued"]);
  });

  it("commit() called again after a lost response returns the same and changes nothing", async () => {
    const reservation = await reserve(bench());
    const first = await bench().records.commit(reservation, FACTS);
    const before = await dump(bench());
    expect(await bench().records.commit(reservation, FACTS)).toEqual(first);
    expect(await dump(bench())).toBe(before);
  });

  it("commit() throws reservation_lost after clean-up, and changes nothing", async () => {
    const collected = await reserve(bench());
    const released = await reserve(bench());
    await bench().records.release(released);
    bench().clock.advance(LEASE_MS);
    await bench().records.collectAbandoned(10, 0, STORAGES);
    const before = await dump(bench());
    for (const lost of [collected, released]) {
      await expect(bench().records.commit(lost, FACTS)).rejects.toMatchObject({
        code: "reservation_lost",
      });
    }
    expect(await dump(bench())).toBe(before);
  });

  it("commit() refuses other bytes under a reservation that is already committed", async () => {
    const reservation = await reserve(bench());
    await bench().records.commit(reservation, FACTS);
    await expect(
      bench().records.commit(reservation, { ...FACTS, sha256: "cd".repeat(32) }),
    ).rejects.toMatchObject({ code: "reservation_lost" });
  });

  it("renewReservation() keeps an upload from being collected, and returns false if it is lost", async () => {
    const reservation = await reserve(bench());
    bench().clock.advance(LEASE_MS - 1);
    expect(await bench().records.renewReservation(reservation, START + 3 * LEASE_MS)).toBe(true);
    bench().clock.advance(LEASE_MS);
    expect(await bench().records.collectAbandoned(10, 0, STORAGES)).toEqual([]);
    bench().clock.advance(LEASE_MS + 1);
    expect(await bench().records.collectAbandoned(10, 0, STORAGES)).toHaveLength(1);
    expect(await bench().records.renewReservation(reservation, START + 9 * LEASE_MS)).toBe(false);
  });

  it("renewReservation() does not change the lease of a committed upload", async () => {
    const reservation = await reserve(bench());
    await bench().records.commit(reservation, FACTS);
    const before = await dump(bench());
    expect(await bench().records.renewReservation(reservation, START)).toBe(false);
    expect(await dump(bench())).toBe(before);
  });

  it("noteMultipart() stores the id of a multipart upload for clean-up", async () => {
    const reservation = await reserve(bench());
    await bench().records.noteMultipart(reservation, "parts-0");
    await bench().records.noteMultipart(reservation, "parts-1");
    expect(await bench().records.renewReservation(reservation, START + LEASE_MS)).toBe(true);
    bench().clock.advance(LEASE_MS);
    const found = { id: reservation.id, multipartId: "parts-1" };
    expect(await bench().records.collectAbandoned(10, 0, STORAGES)).toMatchObject([found]);
    // The server that collected it may crash, too.
    bench().clock.advance(LEASE_MS);
    expect(await bench().records.collectAbandoned(10, 0, STORAGES)).toMatchObject([found]);
  });

  it("commit() clears the id of noteMultipart()", async () => {
    const reservation = await reserve(bench());
    await bench().records.noteMultipart(reservation, "parts-1");
    const upload = await bench().records.commit(reservation, FACTS);
    expect(upload).toMatchObject({ revision: 2, multipartId: null });
  });

  it("noteMultipart() refuses a reservation that is lost, committed or another tenant's", async () => {
    const kept = await reserve(bench());
    const committed = await reserve(bench());
    await bench().records.commit(committed, FACTS);
    const released = await reserve(bench());
    await bench().records.release(released);
    const before = await dump(bench());
    for (const wrong of [committed, released, { ...kept, tenant: GLOBEX }]) {
      await expect(bench().records.noteMultipart(wrong, "parts-1")).rejects.toMatchObject({
        code: "reservation_lost",
      });
    }
    expect(await dump(bench())).toBe(before);
  });

  it("release() removes a reservation, but not a committed upload", async () => {
    const gone = await reserve(bench());
    await bench().records.release(gone);
    expect(await bench().records.find(ACME, gone.id)).toBeNull();

    const kept = await reserve(bench());
    const upload = await bench().records.commit(kept, FACTS);
    await bench().records.release(kept);
    expect(await bench().records.find(ACME, kept.id)).toEqual(upload);
  });

  it("release() leaves the given tombstone if it released something", async () => {
    const { records } = bench();
    const { storageId, key, ...gone } = await reserve(bench());
    const tombstone = { storageId, key, until: START + 1 };
    await records.release({ ...gone, storageId, key }, tombstone);
    const committed = await reserve(bench());
    await records.commit(committed, FACTS);
    await records.release(committed, { ...tombstone, key: committed.key });
    expect(await records.tombstones(storageId, 10)).toEqual([tombstone]);
  });

  it("a reservation with another tenant's id has no effect", async () => {
    const reservation = await reserve(bench());
    const forged = { ...reservation, tenant: GLOBEX };
    const before = await dump(bench());
    expect(await bench().records.renewReservation(forged, START + 9)).toBe(false);
    await bench().records.release(forged);
    await expect(bench().records.commit(forged, FACTS)).rejects.toMatchObject({
      code: "reservation_lost",
    });
    expect(await dump(bench())).toBe(before);

    await bench().records.commit(reservation, FACTS);
    await expect(bench().records.commit(forged, FACTS)).rejects.toMatchObject({
      code: "reservation_lost",
    });
  });
}
