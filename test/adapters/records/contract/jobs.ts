import { expect, it } from "vitest";
import { ownKey } from "../../../../src/domain/object-key.ts";
import type { Job } from "../../../../src/domain/ports/records.ts";
import { parseTenantId } from "../../../../src/domain/tenant.ts";
import {
  ACME,
  type Bench,
  claim,
  dump,
  eventTypes,
  GLOBEX,
  LEASE_MS,
  newUpload,
  queue,
  reserve,
  result,
  START,
  STORAGES,
  setStatus,
  store,
  TROUBLE,
} from "../bench.ts";

export function jobsContract(bench: () => Bench): void {
  const done = { status: "processed", error: null, results: [] } as const;

  it("claim() takes the job that has waited longest, and counts the attempt", async () => {
    const first = await queue(bench());
    bench().clock.advance(1);
    const second = await queue(bench());
    await store(bench());
    bench().clock.advance(1);
    const job = await claim(bench(), "t1");
    expect(job).toMatchObject({
      leaseToken: "t1",
      processors: ["text", "metadata"],
      attempt: 1,
      upload: {
        id: first.id,
        status: "processing",
        revision: 3,
        processing: {
          attempts: 1,
          error: null,
          startedAt: START + 2,
          finishedAt: null,
          takenOverAt: null,
        },
      },
    });
    expect(await bench().records.find(ACME, first.id)).toEqual(job.upload);
    expect((await claim(bench(), "t2")).upload.id).toBe(second.id);
    expect(await bench().records.claim("t3", START, STORAGES)).toBeNull();
  });

  it("claim() lets tenants take turns, however many jobs each has", async () => {
    const { records, clock } = bench();
    const [busy, calm, zeal] = [
      parseTenantId("busy"),
      parseTenantId("calm"),
      parseTenantId("zeal"),
    ];
    for (let count = 0; count < 4; count += 1) {
      await queue(bench(), { tenant: busy });
      clock.advance(1);
    }
    // Next comes the tenant after `busy`.
    const order = [(await claim(bench(), "t0")).upload.tenant];
    await queue(bench(), { tenant: calm });
    await queue(bench(), { tenant: zeal });
    await queue(bench(), { tenant: zeal });
    for (let turn = 1; turn < 7; turn += 1) {
      order.push((await claim(bench(), `t${turn}`)).upload.tenant);
    }
    expect(order).toEqual(["busy", "calm", "zeal", "busy", "zeal", "busy", "busy"]);
    expect(await records.claim("t9", START, STORAGES)).toBeNull();
  });

  it("claim() skips tenants without due jobs in these storages", async () => {
    const { records, clock } = bench();
    for (const name of ["a", "b", "c", "d"]) {
      await queue(bench(), { tenant: parseTenantId(name), storageId: `storage-${name}` });
    }
    const here = ["storage-b", "storage-c"];
    const [later, sooner] = [
      await records.claim("t1", START + LEASE_MS, here),
      await records.claim("t2", START + LEASE_MS, here),
    ];
    expect([later?.upload.tenant, sooner?.upload.tenant]).toEqual(["b", "c"]);
    expect(await records.claim("t3", START + LEASE_MS, here)).toBeNull();
    await records.retryJob(later as Job, START + 50, TROUBLE);
    await records.retryJob(sooner as Job, START + 20, TROUBLE);
    clock.advance(20);
    expect((await records.claim("t4", START + LEASE_MS, here))?.upload.tenant).toBe("c");
    clock.advance(30);
    expect((await records.claim("t5", START + LEASE_MS, here))?.upload.tenant).toBe("b");
  });

  it("claim() leaves jobs in other storages to other servers, without counting an attempt", async () => {
    const theirs = await queue(bench(), { storageId: "storage-2" });
    const { records, clock } = bench();
    clock.advance(1);
    const ours = await queue(bench());
    expect(await records.nextJobAt(["storage-1"])).toBe(START + 1);
    expect(await records.claim("t1", START + LEASE_MS, ["storage-1"])).toMatchObject({
      upload: { id: ours.id },
    });
    expect(await records.claim("t2", START, ["storage-1"])).toBeNull();
    expect(await records.find(ACME, theirs.id)).toEqual(theirs);
    expect((await claim(bench(), "t3")).attempt).toBe(1);
    // Nor does it take over crashed jobs there.
    clock.advance(LEASE_MS);
    expect(await records.claim("t4", START, ["storage-3"])).toBeNull();
    expect(await records.nextJobAt(["storage-3"])).toBeNull();
  });

  it("claim() skips jobs that are not due yet, and nextJobAt() returns when they are", async () => {
    const upload = await queue(bench());
    expect(await bench().records.nextJobAt(STORAGES)).toBe(START);
    await bench().records.retryJob(await claim(bench(), "t1"), START + 500, TROUBLE);
    expect(await bench().records.nextJobAt(STORAGES)).toBe(START + 500);
    bench().clock.advance(499);
    expect(await bench().records.claim("t2", START + LEASE_MS, STORAGES)).toBeNull();
    bench().clock.advance(1);
    expect((await claim(bench(), "t2")).upload.id).toBe(upload.id);
  });

  it("claim() gives each job to exactly one of many concurrent callers", async () => {
    const uploads = await Promise.all(Array.from({ length: 4 }, () => queue(bench())));
    const claims = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        bench().records.claim(`t${index}`, START + LEASE_MS, STORAGES),
      ),
    );
    const won = claims.filter((job): job is Job => job !== null);
    expect(won.map((job) => job.upload.id).sort()).toEqual(uploads.map(({ id }) => id).sort());
    for (const upload of uploads) {
      expect(await eventTypes(bench(), upload)).toEqual(["queued", "processing"]);
    }
  });

  it("claim() takes over a run whose lease has ended, and fences out its worker", async () => {
    const upload = await queue(bench());
    const stale = await claim(bench(), "t1");
    bench().clock.advance(LEASE_MS - 1);
    expect(await bench().records.claim("t2", START, STORAGES)).toBeNull();
    expect(await bench().records.nextJobAt(STORAGES)).toBe(START + LEASE_MS);
    bench().clock.advance(1);
    const job = await claim(bench(), "t2");
    expect(job).toMatchObject({ attempt: 2, upload: { id: upload.id, revision: 4 } });

    const before = await dump(bench());
    const { records } = bench();
    expect(await records.renewJob(stale, START + 9 * LEASE_MS)).toBe(false);
    expect(await records.retryJob(stale, START, TROUBLE)).toBe(false);
    expect(await records.finishJob(stale, { ...done, results: [result("text")] })).toBeNull();
    await records.handBackJob(stale);
    expect(await dump(bench())).toBe(before);
    expect(await eventTypes(bench(), upload)).toEqual(["queued", "processing", "processing"]);

    // It stays after the job has finished and the next one has begun: the other worker may wake up at any time.
    const processing = { takenOverAt: START + LEASE_MS };
    expect(await records.finishJob(job, done)).toMatchObject({ status: "processed", processing });
    await records.requeue(ACME, upload.id, ["text"]);
    bench().clock.advance(1);
    expect(await claim(bench(), "t3")).toMatchObject({ upload: { processing } });
  });

  it("renewJob() extends the lease of a job", async () => {
    await queue(bench());
    const job = await claim(bench(), "t1");
    bench().clock.advance(LEASE_MS - 1);
    expect(await bench().records.renewJob(job, START + 3 * LEASE_MS)).toBe(true);
    bench().clock.advance(LEASE_MS);
    expect(await bench().records.claim("t2", START, STORAGES)).toBeNull();
  });

  it("finishJob() writes status, error and results together", async () => {
    const upload = await queue(bench());
    const job = await claim(bench(), "t1");
    bench().clock.advance(30);
    const failed = result("metadata", {
      status: "failed",
      output: null,
      error: TROUBLE,
      durationMs: 0.25,
    });
    const text = result("text", {
      version: "2.1",
      output: { "nul\0": "\ud800", __proto__: null },
      textKey: ownKey("derived/acme/text.txt"),
    });
    const finished = await bench().records.finishJob(job, {
      status: "failed",
      error: TROUBLE,
      results: [text, failed],
    });
    expect(finished).toMatchObject({
      status: "failed",
      revision: 4,
      processing: { attempts: 1, error: TROUBLE, startedAt: START, finishedAt: START + 30 },
    });
    expect(await bench().records.find(ACME, upload.id)).toEqual(finished);
    expect(await bench().records.results(ACME, upload.id)).toEqual([failed, text]);
    expect(await eventTypes(bench(), upload)).toEqual(["queued", "processing", "failed"]);
    expect(await bench().records.nextJobAt(STORAGES)).toBeNull();
  });

  it("finishJob() writes only once if it is called twice", async () => {
    await queue(bench());
    const job = await claim(bench(), "t1");
    await bench().records.finishJob(job, done);
    const before = await dump(bench());
    expect(await bench().records.finishJob(job, done)).toBeNull();
    expect(await dump(bench())).toBe(before);
  });

  it("finishJob() replaces the results of the processors that ran, and keeps the others", async () => {
    const upload = await queue(bench());
    await bench().records.finishJob(await claim(bench(), "t1"), {
      ...done,
      results: [result("metadata"), result("text", { version: "1" })],
    });
    await bench().records.requeue(ACME, upload.id, ["text"]);
    const again = await claim(bench(), "t2");
    expect(again.processors).toEqual(["text"]);
    await bench().records.finishJob(again, {
      ...done,
      results: [result("text", { version: "2" })],
    });
    expect(await bench().records.results(ACME, upload.id)).toEqual([
      result("metadata"),
      result("text", { version: "2" }),
    ]);
  });

  it("retryJob() queues the job again, with a visible error", async () => {
    const upload = await queue(bench());
    expect(await bench().records.retryJob(await claim(bench(), "t1"), START + 5, TROUBLE)).toBe(
      true,
    );
    expect(await bench().records.find(ACME, upload.id)).toMatchObject({
      status: "queued",
      processing: { attempts: 1, error: TROUBLE },
    });
    bench().clock.advance(5);
    expect(await claim(bench(), "t2")).toMatchObject({
      attempt: 2,
      upload: { processing: { error: TROUBLE } },
    });
    expect(await eventTypes(bench(), upload)).toEqual([
      "queued",
      "processing",
      "queued",
      "processing",
    ]);
  });

  it("retryJob() subtracts an attempt that does not count", async () => {
    const upload = await queue(bench());
    const job = await claim(bench(), "t1");
    expect(await bench().records.retryJob(job, START + 5, TROUBLE, false)).toBe(true);
    expect(await bench().records.find(ACME, upload.id)).toMatchObject({
      status: "queued",
      processing: { attempts: 0, error: TROUBLE },
    });
  });

  it("handBackJob() subtracts the attempt and keeps the job's place", async () => {
    const first = await queue(bench());
    bench().clock.advance(1);
    await queue(bench());
    const job = await claim(bench(), "t1");
    bench().clock.advance(1);
    await bench().records.handBackJob(job);
    expect(await bench().records.find(ACME, first.id)).toMatchObject({
      status: "queued",
      processing: { attempts: 0 },
    });
    expect(await claim(bench(), "t2")).toMatchObject({ attempt: 1, upload: { id: first.id } });
  });

  it("requeue() queues one run for many concurrent calls", async () => {
    const upload = await store(bench());
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => bench().records.requeue(ACME, upload.id, ["text"])),
    );
    expect(answers.filter((answer) => answer?.queued)).toHaveLength(1);
    expect(answers.every((answer) => answer?.upload.status === "queued")).toBe(true);
    expect(await eventTypes(bench(), upload)).toEqual(["stored", "queued"]);
  });

  it("requeue() does not change queued or running uploads", async () => {
    const upload = await queue(bench());
    const before = await dump(bench());
    expect(await bench().records.requeue(ACME, upload.id, ["other"])).toEqual({
      upload,
      queued: false,
    });
    expect(await dump(bench())).toBe(before);
    const job = await claim(bench(), "t1");
    expect(await bench().records.requeue(ACME, upload.id, ["other"])).toEqual({
      upload: job.upload,
      queued: false,
    });
  });

  it("requeue() starts over from failed and processed, and keeps the results", async () => {
    const upload = await queue(bench());
    await bench().records.finishJob(await claim(bench(), "t1"), {
      status: "failed",
      error: TROUBLE,
      results: [result("text")],
    });
    bench().clock.advance(7);
    const answer = await bench().records.requeue(ACME, upload.id, ["metadata"]);
    expect(answer).toMatchObject({
      queued: true,
      upload: {
        status: "queued",
        processing: { attempts: 0, error: null, startedAt: START, finishedAt: null },
      },
    });
    expect(await bench().records.nextJobAt(STORAGES)).toBe(START + 7);
    expect(await bench().records.results(ACME, upload.id)).toHaveLength(1);
    const job = await claim(bench(), "t2");
    expect(job).toMatchObject({ attempt: 1, processors: ["metadata"] });
    await bench().records.finishJob(job, done);
    expect(await bench().records.requeue(ACME, upload.id, ["text"])).toMatchObject({
      queued: true,
    });
  });

  it("requeue() refuses arriving and quarantined uploads, and returns null for missing ones", async () => {
    const reservation = await reserve(bench());
    await expect(bench().records.requeue(ACME, reservation.id, [])).rejects.toMatchObject({
      code: "upload_in_progress",
    });
    const bad = await store(bench());
    await setStatus(bench(), bad, "quarantined");
    await expect(bench().records.requeue(ACME, bad.id, [])).rejects.toMatchObject({
      code: "upload_conflict",
    });
    const gone = await store(bench());
    await bench().records.beginDelete(ACME, gone.id);
    expect(await bench().records.requeue(ACME, gone.id, [])).toBeNull();
    expect(await bench().records.requeue(ACME, newUpload(bench()).id, [])).toBeNull();
  });

  it("a job with another tenant's id has no effect", async () => {
    await queue(bench());
    const job = await claim(bench(), "t1");
    const forged = { ...job, upload: { ...job.upload, tenant: GLOBEX } };
    const before = await dump(bench());
    expect(await bench().records.renewJob(forged, START)).toBe(false);
    expect(await bench().records.retryJob(forged, START, TROUBLE)).toBe(false);
    expect(
      await bench().records.finishJob(forged, { ...done, results: [result("text")] }),
    ).toBeNull();
    await bench().records.handBackJob(forged);
    expect(await dump(bench())).toBe(before);
  });
}
