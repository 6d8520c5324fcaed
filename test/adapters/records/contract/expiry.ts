import { expect, it } from "vitest";
import {
  ACME,
  type Bench,
  claim,
  dump,
  eventTypes,
  GLOBEX,
  queue,
  reserve,
  result,
  START,
  STORAGES,
  setStatus,
  store,
} from "../bench.ts";

const SOON = { expiresAt: START + 5 };

export function expiryContract(bench: () => Bench): void {
  it("update() changes metadata and expiry, raises the revision, and writes no event", async () => {
    const { records, clock } = bench();
    const upload = await store(bench());
    clock.advance(1);
    const metadata = { a: ["ü", null] };
    const first = await records.update(ACME, upload.id, { metadata }, null);
    expect(first).toEqual({ ...upload, metadata, revision: 3, updatedAt: START + 1 });
    const second = await records.update(ACME, upload.id, { expiresAt: START + 9 }, 3);
    expect(second).toEqual({ ...first, expiresAt: START + 9, revision: 4 });
    expect(await records.find(ACME, upload.id)).toEqual(second);
    expect(await records.update(ACME, upload.id, { expiresAt: null }, 4)).toMatchObject({
      metadata,
      expiresAt: null,
    });
    expect(await eventTypes(bench(), upload)).toEqual(["stored"]);
  });

  it("update() does not change another tenant's upload, another revision, or one that is arriving, deleting or expired", async () => {
    const { records, clock } = bench();
    const upload = await store(bench());
    const arriving = await reserve(bench());
    const going = await store(bench());
    await records.beginDelete(ACME, going.id);
    const expired = await store(bench(), {}, SOON);
    clock.advance(5);
    const before = await dump(bench());
    const changes = { metadata: { evil: true } };
    expect(await records.update(GLOBEX, upload.id, changes, null)).toBeNull();
    for (const revision of [1, 3]) {
      expect(await records.update(ACME, upload.id, changes, revision)).toBeNull();
    }
    for (const { id } of [arriving, going, expired]) {
      expect(await records.update(ACME, id, changes, null)).toBeNull();
    }
    expect(await dump(bench())).toBe(before);
  });

  it("update() while a job runs does not affect the job", async () => {
    const { records } = bench();
    const upload = await queue(bench());
    const job = await claim(bench(), "token");
    await records.update(ACME, upload.id, { metadata: {} }, null);
    const outcome = { status: "processed", error: null, results: [] } as const;
    expect(await records.finishJob(job, outcome)).toMatchObject({ revision: 5, metadata: {} });
    expect(await eventTypes(bench(), upload)).toEqual(["queued", "processing", "processed"]);
  });

  it("every method treats an upload as missing as soon as it expires", async () => {
    const { records, clock } = bench();
    const kept = await store(bench());
    const upload = await queue(bench());
    const job = await claim(bench(), "token");
    const results = [result("text")];
    await records.finishJob(job, { status: "processed", error: null, results });
    await records.update(ACME, upload.id, SOON, null);
    clock.advance(4);
    expect(await records.find(ACME, upload.id)).not.toBeNull();
    expect(await records.results(ACME, upload.id)).toHaveLength(1);
    expect((await records.list(ACME, {}, { limit: 9, after: null })).uploads).toHaveLength(2);
    expect((await records.revisions([upload.id])).size).toBe(1);
    clock.advance(1);
    expect(await records.find(ACME, upload.id)).toBeNull();
    expect(await records.results(ACME, upload.id)).toEqual([]);
    expect((await records.list(ACME, {}, { limit: 9, after: null })).uploads).toEqual([kept]);
    expect((await records.revisions([upload.id])).size).toBe(0);
    const before = await dump(bench());
    expect(await records.beginDelete(ACME, upload.id)).toBeNull();
    expect(await records.requeue(ACME, upload.id, ["text"])).toBeNull();
    expect(await dump(bench())).toBe(before);
  });

  it("claim() and nextJobAt() skip expired uploads", async () => {
    const { records, clock } = bench();
    await store(bench(), {}, { ...SOON, process: ["text"] });
    clock.advance(5);
    expect(await records.nextJobAt(STORAGES)).toBeNull();
    expect(await records.claim("token", START + 99, STORAGES)).toBeNull();
    const next = await queue(bench());
    expect((await claim(bench(), "token")).upload.id).toBe(next.id);
  });

  it("collectExpired() changes expired uploads to deleting, oldest first", async () => {
    const { records, clock } = bench();
    const late = await store(bench(), {}, { expiresAt: START + 3 });
    const early = await store(bench(), {}, { expiresAt: START + 2 });
    await store(bench(), {}, { expiresAt: START + 4 });
    await store(bench());
    await store(bench(), { storageId: "storage-3" }, { expiresAt: START + 1 });
    expect(await records.collectExpired(9, STORAGES)).toEqual([]);
    clock.advance(3);
    const [first, ...none] = await records.collectExpired(1, STORAGES);
    expect(none).toEqual([]);
    expect(first).toEqual({
      ...early,
      status: "deleting",
      revision: 3,
      updatedAt: START + 3,
    });
    expect(await records.collectExpired(9, STORAGES)).toMatchObject([{ id: late.id }]);
    expect(await records.collectExpired(9, STORAGES)).toEqual([]);
    expect(await eventTypes(bench(), early)).toEqual(["stored", "deleting"]);
    // An interrupted one is collected like any other delete.
    clock.advance(10);
    expect(await records.collectAbandoned(9, 5, STORAGES)).toHaveLength(2);
  });

  it("collectExpired() collects uploads in every status, and fences out a running job", async () => {
    const { records, clock } = bench();
    for (const status of ["stored", "processed", "failed", "quarantined"]) {
      await setStatus(bench(), await store(bench(), {}, SOON), status);
    }
    await store(bench(), {}, { ...SOON, process: ["text"] });
    const job = await claim(bench(), "token");
    await store(bench(), {}, { ...SOON, process: ["text"] });
    clock.advance(5);
    expect(await records.collectExpired(9, STORAGES)).toHaveLength(6);
    expect(await records.renewJob(job, START + 99)).toBe(false);
  });
}
