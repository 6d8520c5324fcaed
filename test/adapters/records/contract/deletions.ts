import { expect, it } from "vitest";
import type { Tombstone } from "../../../../src/domain/ports/upkeep-records.ts";
import type { Upload } from "../../../../src/domain/upload.ts";
import {
  ACME,
  type Bench,
  claim,
  dump,
  eventTypes,
  FACTS,
  GLOBEX,
  LEASE_MS,
  queue,
  reserve,
  result,
  START,
  STORAGES,
  store,
  TROUBLE,
} from "../bench.ts";

export function deletionsContract(bench: () => Bench): void {
  const stone = (upload: Upload, until: number): Tombstone => ({
    storageId: upload.storageId,
    key: upload.key,
    until,
  });

  it("beginDelete() hides an upload, and succeeds once", async () => {
    const upload = await store(bench());
    expect(await bench().records.beginDelete(ACME, upload.id)).toMatchObject({
      id: upload.id,
      status: "deleting",
      revision: 3,
    });
    expect(await bench().records.find(ACME, upload.id)).toBeNull();
    expect(await eventTypes(bench(), upload)).toEqual(["stored", "deleting"]);
    const before = await dump(bench());
    expect(await bench().records.beginDelete(ACME, upload.id)).toBeNull();
    expect(await dump(bench())).toBe(before);
  });

  it("beginDelete() and requeue() do not change an upload at another revision", async () => {
    const { records } = bench();
    const upload = await store(bench());
    const before = await dump(bench());
    expect(await records.beginDelete(ACME, upload.id, upload.revision + 1)).toBeNull();
    expect(await records.requeue(ACME, upload.id, ["text"], upload.revision + 1)).toEqual({
      upload,
      queued: false,
    });
    expect(await dump(bench())).toBe(before);
    const queued = await records.requeue(ACME, upload.id, ["text"], upload.revision);
    expect(queued).toMatchObject({ queued: true });
    expect(
      await records.beginDelete(ACME, upload.id, queued?.upload.revision ?? null),
    ).not.toBeNull();
  });

  it("beginDelete() does not change an upload that is still arriving", async () => {
    const reservation = await reserve(bench());
    expect(await bench().records.beginDelete(ACME, reservation.id)).toBeNull();
    expect(await bench().records.commit(reservation, FACTS)).toMatchObject({ status: "stored" });
  });

  it("beginDelete() wins over a running job", async () => {
    const upload = await queue(bench());
    const job = await claim(bench(), "t1");
    const deleting = await bench().records.beginDelete(ACME, upload.id);
    const before = await dump(bench());
    const { records } = bench();
    expect(await records.renewJob(job, START + 9 * LEASE_MS)).toBe(false);
    expect(await records.retryJob(job, START, TROUBLE)).toBe(false);
    const outcome = { status: "processed", error: null, results: [result("text")] } as const;
    expect(await records.finishJob(job, outcome)).toBeNull();
    await records.handBackJob(job);
    bench().clock.advance(2 * LEASE_MS);
    expect(await records.claim("t2", START, STORAGES)).toBeNull();
    expect(await records.nextJobAt(STORAGES)).toBeNull();
    expect(await dump(bench())).toBe(before);
    expect(deleting?.processing.startedAt).toBe(START);
  });

  it("finishDelete() removes record, results and events together and leaves a tombstone", async () => {
    const upload = await queue(bench());
    const neighbour = await store(bench());
    await bench().records.finishJob(await claim(bench(), "t"), {
      status: "processed",
      error: null,
      results: [result("text")],
    });
    const deleting = await bench().records.beginDelete(ACME, upload.id);
    await bench().records.finishDelete(deleting ?? upload, stone(upload, START + 1_000));
    const left = JSON.parse(await dump(bench()));
    expect(left.map((rows: unknown[]) => rows.length)).toEqual([1, 0, 1, 1, 0, 0, 1, 0]);
    expect(await bench().records.find(ACME, neighbour.id)).toEqual(neighbour);
    expect(await bench().records.tombstones("storage-1", 10)).toEqual([
      stone(upload, START + 1_000),
    ]);
  });

  it("finishDelete() leaves no tombstone without one", async () => {
    const upload = await store(bench());
    await bench().records.beginDelete(ACME, upload.id);
    await bench().records.finishDelete(upload, null);
    expect(await bench().records.tombstones("storage-1", 10)).toEqual([]);
    expect(await bench().records.storageUsage()).toEqual([]);
  });

  it("finishDelete() changes neither uploads that are not being deleted nor another tenant's", async () => {
    const alive = await store(bench());
    const dying = await store(bench());
    await bench().records.beginDelete(ACME, dying.id);
    const before = await dump(bench());
    await bench().records.finishDelete(alive, stone(alive, START));
    await bench().records.finishDelete({ ...dying, tenant: GLOBEX }, stone(dying, START));
    expect(await dump(bench())).toBe(before);
  });

  it("tombstones() returns the tombstones of a storage, oldest first, until they expire", async () => {
    const uploads: Upload[] = [];
    for (const storageId of ["storage-1", "storage-1", "storage-2"]) {
      const upload = await store(bench(), { storageId });
      await bench().records.beginDelete(ACME, upload.id);
      await bench().records.finishDelete(upload, stone(upload, START + 30 - 10 * uploads.length));
      uploads.push(upload);
    }
    const keys = async (storageId: string, limit = 10) =>
      (await bench().records.tombstones(storageId, limit)).map(({ key }) => key);
    expect(await keys("storage-1")).toEqual([uploads[1]?.key, uploads[0]?.key]);
    expect(await keys("storage-1", 1)).toEqual([uploads[1]?.key]);
    expect(await keys("storage-2")).toEqual([uploads[2]?.key]);
    const [first] = await bench().records.tombstones("storage-1", 1);
    expect(await bench().records.tombstones("storage-1", 10, first)).toEqual([
      stone(uploads[0] as Upload, START + 30),
    ]);
    expect(await bench().records.dropTombstones("storage-1", START + 20)).toBe(0);
    expect(await bench().records.dropTombstones("storage-1", START + 21)).toBe(1);
    expect(await keys("storage-1")).toEqual([uploads[0]?.key]);
    expect(await keys("storage-2")).toEqual([uploads[2]?.key]);
  });

  it("collectAbandoned() collects only reservations whose lease has ended", async () => {
    const abandoned = await reserve(bench());
    await store(bench());
    await queue(bench());
    bench().clock.advance(LEASE_MS - 1);
    expect(await bench().records.collectAbandoned(10, 0, STORAGES)).toEqual([]);
    const alive = await reserve(bench());
    bench().clock.advance(1);
    expect(await bench().records.collectAbandoned(10, 1_000, STORAGES)).toMatchObject([
      { id: abandoned.id, status: "deleting", revision: 2, key: abandoned.key },
    ]);
    expect(await bench().records.find(ACME, abandoned.id)).toBeNull();
    expect(await bench().records.find(ACME, alive.id)).toMatchObject({ status: "uploading" });
    expect(await eventTypes(bench(), abandoned)).toEqual(["deleting"]);
  });

  it("collectAbandoned() collects an interrupted delete again after the grace period", async () => {
    const upload = await store(bench());
    await bench().records.beginDelete(ACME, upload.id);
    const ids = async () =>
      (await bench().records.collectAbandoned(10, 1_000, STORAGES)).map((row) => row.id);
    bench().clock.advance(1_000);
    expect(await ids()).toEqual([]);
    bench().clock.advance(1);
    expect(await ids()).toEqual([upload.id]);
    expect(await ids()).toEqual([]);
    bench().clock.advance(1_001);
    expect(await ids()).toEqual([upload.id]);
    expect(await eventTypes(bench(), upload)).toEqual(["stored", "deleting"]);
  });

  it("collectAbandoned() respects its limit, and uploads that always fail do not delay others", async () => {
    const reservations = [];
    for (let index = 0; index < 5; index++) reservations.push(await reserve(bench()));
    bench().clock.advance(LEASE_MS);
    const seen: string[] = [];
    for (let round = 0; round < 3; round++) {
      const rows = await bench().records.collectAbandoned(2, 10, STORAGES);
      expect(rows.length).toBeLessThanOrEqual(2);
      seen.push(...rows.map(({ id }) => id));
      bench().clock.advance(1);
    }
    expect(seen.sort()).toEqual(reservations.map(({ id }) => id).sort());
  });

  it("collectAbandoned() leaves uploads in other storages to other servers", async () => {
    const reservation = await reserve(bench());
    bench().clock.advance(LEASE_MS);
    const before = await dump(bench());
    expect(await bench().records.collectAbandoned(10, 0, ["storage-2", "storage-3"])).toEqual([]);
    expect(await dump(bench())).toBe(before);
    expect(await bench().records.collectAbandoned(10, 0, ["storage-1"])).toMatchObject([
      { id: reservation.id },
    ]);
  });

  it("collectAbandoned() returns each upload to one of two concurrent callers", async () => {
    for (let index = 0; index < 3; index++) await reserve(bench());
    bench().clock.advance(LEASE_MS);
    const both = await Promise.all(
      [1, 2].map(() => bench().records.collectAbandoned(10, 1_000, STORAGES)),
    );
    expect(both.flat()).toHaveLength(3);
  });
}
