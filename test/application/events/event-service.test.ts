import { expect, onTestFinished, test } from "vitest";
import { migrate } from "../../../src/adapters/records/migrations.ts";
import { openNodeSqlite } from "../../../src/adapters/records/node-sqlite.ts";
import { announceChanges } from "../../../src/application/events/announce-changes.ts";
import {
  EventService,
  type EventStream,
  type EventsPolicy,
  statusOf,
} from "../../../src/application/events/event-service.ts";
import { StowageError } from "../../../src/domain/errors.ts";
import { SILENT } from "../../../src/domain/ports/logger.ts";
import type { UploadRecords } from "../../../src/domain/ports/records.ts";
import type { UploadEvent } from "../../../src/domain/upload.ts";
import {
  ACME,
  type Bench,
  claim,
  createBench,
  GLOBEX,
  newUpload,
  queue,
  reserve,
  store,
  TROUBLE,
} from "../../adapters/records/bench.ts";

const NEVER_MS = 2 ** 30;

const POLICY: EventsPolicy = {
  pollMs: NEVER_MS,
  maxStreamMs: NEVER_MS,
  maxStreams: 20,
  maxStreamsPerTenant: 10,
  pollAlone: false,
};

/** Polls the records all the time and gets no announcements, because another process makes the changes. */
const LOOKING: Partial<EventsPolicy> = { pollMs: 1 };

/** One database, and the events of one process over it. */
async function scene(
  policy: Partial<EventsPolicy> = {},
  tamper: (records: UploadRecords) => Partial<UploadRecords> = () => ({}),
) {
  const executor = await openNodeSqlite(":memory:");
  const bench = createBench(executor);
  await migrate(executor);
  const events = new EventService({
    records: { ...bench.records, ...tamper(bench.records) },
    clock: bench.clock,
    logger: SILENT,
    policy: { ...POLICY, ...policy },
  });
  onTestFinished(async () => {
    events.close();
    await executor.close();
  });
  return {
    bench,
    events,
    /** The database as this process uses it: changes are announced. */
    here: { ...bench, records: announceChanges(bench.records, events.announce) },
  };
}

async function follow(events: EventService, id: string, after = 0, tenant = ACME) {
  return (await events.follow(tenant, id, after)) ?? expect.unreachable();
}

async function all(stream: EventStream): Promise<string[]> {
  const statuses: string[] = [];
  for await (const event of stream) statuses.push(statusOf(event));
  return statuses;
}

/** The next status, or `null` at the end. */
function reader(stream: EventStream): () => Promise<string | null> {
  const iterator = stream[Symbol.asyncIterator]();
  return async () => {
    const { done, value } = await iterator.next();
    return done === true ? null : statusOf(value as UploadEvent);
  };
}

async function finish(bench: Bench, token = "t"): Promise<void> {
  const job = await claim(bench, token);
  await bench.records.finishJob(job, { status: "processed", error: null, results: [] });
}

const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;

test("follow() streams all past events, and ends when the upload is settled", async () => {
  const { bench, events } = await scene();
  const upload = await store(bench);
  expect(await all(await follow(events, upload.id))).toEqual(["stored"]);
  await bench.records.requeue(ACME, upload.id, ["text"]);
  await bench.records.retryJob(await claim(bench, "a"), 0, TROUBLE);
  await finish(bench);
  const statuses: (string | number | null)[][] = [];
  for await (const event of await follow(events, upload.id)) {
    statuses.push([event.revision, statusOf(event), event.attempts, event.error?.code ?? null]);
  }
  expect(statuses).toEqual([
    [2, "stored", 0, null],
    [3, "queued", 0, null],
    [4, "processing", 1, null],
    [5, "queued", 1, TROUBLE.code],
    [6, "processing", 2, TROUBLE.code],
    [7, "processed", 2, null],
  ]);
});

test("follow() streams a history of any length", async () => {
  const { bench, events } = await scene();
  const upload = await queue(bench);
  for (let round = 0; round < 120; round += 1) {
    await bench.records.handBackJob(await claim(bench, `t${round}`));
  }
  await finish(bench);
  expect(await all(await follow(events, upload.id))).toHaveLength(1 + 240 + 2);
});

test("follow() streams every change of this process at once", async () => {
  const { here, events } = await scene();
  const { records } = here;
  const { id } = await store(here);
  await records.requeue(ACME, id, ["text"]);
  const next = reader(await follow(events, id, 2));
  expect(await next()).toBe("queued");
  const steps: [string, () => Promise<unknown>][] = [
    ["processing", () => claim(here, "a")],
    ["queued", async () => records.handBackJob({ ...(await latestJob()), leaseToken: "a" })],
    ["processing", () => claim(here, "b")],
    ["queued", async () => records.retryJob(await latestJob(), 0, TROUBLE)],
    ["processing", () => claim(here, "c")],
    ["deleting", () => records.beginDelete(ACME, id)],
  ];
  let token = "";
  async function latestJob() {
    const upload = (await records.find(ACME, id)) ?? expect.unreachable();
    return { upload, leaseToken: token, processors: [], attempt: 1 };
  }
  for (const [status, act] of steps) {
    const pending = next();
    const done = (await act()) as { leaseToken?: string } | undefined;
    token = done?.leaseToken ?? token;
    expect(await pending).toBe(status);
  }
  expect(await next()).toBeNull();
  const other = await store(here);
  await records.requeue(ACME, other.id, ["text"]);
  const last = reader(await follow(events, other.id, 3));
  const pending = last();
  await finish(here);
  expect([await pending, await last(), await last()]).toEqual(["processing", "processed", null]);
});

test("follow() streams changes of another process at the next poll", async () => {
  const { bench, events } = await scene(LOOKING);
  const { id } = await queue(bench);
  const next = reader(await follow(events, id));
  expect(await next()).toBe("queued");
  const job = await claim(bench, "a");
  expect(await next()).toBe("processing");
  await bench.records.finishJob(job, { status: "failed", error: TROUBLE, results: [] });
  expect([await next(), await next()]).toEqual(["failed", null]);
});

test("follow() polls once for all streams of this process, and stops polling after the last one", async () => {
  const looks: (readonly string[])[] = [];
  const { bench, events } = await scene(LOOKING, (records) => ({
    async revisions(ids) {
      looks.push(ids);
      return await records.revisions(ids);
    },
  }));
  const before = timers();
  const uploads = [await queue(bench), await queue(bench), await queue(bench)];
  const streams = await Promise.all([...uploads, ...uploads].map(({ id }) => follow(events, id)));
  const seen = looks.length;
  await expect.poll(() => looks.length).toBeGreaterThan(seen + 1);
  expect([...(looks.at(-1) ?? [])].sort()).toEqual(uploads.map(({ id }) => id).sort());
  for (const stream of streams) stream.stop();
  await expect.poll(timers).toBe(before);
});

test("follow() polls for each stream if requests cannot share timers", async () => {
  const looks = new Set<string>();
  const { bench, events } = await scene({ ...LOOKING, pollAlone: true }, (records) => ({
    async revisions(ids) {
      looks.add(ids.join());
      return await records.revisions(ids);
    },
  }));
  const uploads = [await queue(bench), await queue(bench)];
  const tails = await Promise.all(
    uploads.map(async ({ id }) => reader(await follow(events, id, 2))),
  );
  const pending = tails.map((next) => next());
  await finish(bench, "a");
  await finish(bench, "b");
  expect(await Promise.all(pending)).toEqual(["processing", "processing"]);
  expect([...looks].sort()).toEqual(uploads.map(({ id }) => id).sort());
});

test("follow() survives a failed poll of the database", async () => {
  let away = 3;
  const { bench, events } = await scene(LOOKING, (records) => ({
    async revisions(ids) {
      if (away-- > 0) throw new StowageError("records_unavailable", "Cannot reach records: gone");
      return await records.revisions(ids);
    },
  }));
  const { id } = await queue(bench);
  const next = reader(await follow(events, id, 2));
  const pending = next();
  await expect.poll(() => away).toBeLessThan(0);
  await finish(bench);
  expect(await pending).toBe("processing");
});

test("follow() continues after a revision, and starts over for one that the upload has not reached", async () => {
  const { bench, events } = await scene();
  const { id } = await queue(bench);
  await finish(bench);
  expect(await all(await follow(events, id, 2))).toEqual(["processing", "processed"]);
  expect(await events.follow(ACME, id, 4)).toBeNull();
  expect(await all(await follow(events, id, 5))).toEqual(["queued", "processing", "processed"]);
});

test("follow() reports a deleted upload, however late it polls", async () => {
  const { bench, events } = await scene(LOOKING);
  const { records } = bench;
  for (const at of ["before", "between"]) {
    const upload = await queue(bench);
    const next = reader(await follow(events, upload.id));
    if (at === "between") expect(await next()).toBe("queued");
    const deleting = (await records.beginDelete(ACME, upload.id)) ?? expect.unreachable();
    await records.finishDelete(deleting, null);
    expect([await next(), await next()]).toEqual(["deleting", null]);
  }
  // Its bytes are still being removed.
  const upload = await queue(bench);
  const stream = await follow(events, upload.id);
  await records.beginDelete(ACME, upload.id);
  expect(await all(stream)).toEqual(["queued", "deleting"]);
});

test("follow() waits for an upload that is arriving, and reports the result", async () => {
  const { here, events } = await scene();
  const arriving = await reserve(here);
  const next = reader(await follow(events, arriving.id));
  const pending = next();
  await here.records.commit(arriving, {
    sizeBytes: 1,
    sha256: "ab",
    contentType: "text/plain",
    metadata: {},
    expiresAt: null,
    process: null,
  });
  expect([await pending, await next()]).toEqual(["stored", null]);
  const broken = await reserve(here);
  const gone = reader(await follow(events, broken.id))();
  await here.records.release(broken);
  expect(await gone).toBe("deleting");
});

test("follow() refuses another tenant's upload and a missing one with upload_not_found", async () => {
  const { bench, events } = await scene();
  const { id } = await queue(bench);
  const missing = { code: "upload_not_found" };
  await expect(events.follow(GLOBEX, id, 0)).rejects.toMatchObject(missing);
  await expect(events.follow(ACME, newUpload(bench).id, 0)).rejects.toMatchObject(missing);
});

test("follow() limits the streams of a tenant, and frees each one however it ends", async () => {
  const { bench, events } = await scene({ maxStreamsPerTenant: 3 });
  const { id } = await queue(bench);
  const theirs = await queue(bench, { tenant: GLOBEX });
  const before = timers();
  const leave: ((stream: EventStream) => unknown)[] = [
    (stream) => stream.stop(),
    async (stream) => {
      for await (const _ of stream) break;
    },
    (stream) => {
      // While it waits.
      const waiting = all(stream);
      stream.stop();
      return waiting;
    },
  ];
  for (let round = 0; round < 3; round += 1) {
    const streams = await Promise.all(leave.map(() => follow(events, id)));
    await expect(events.follow(ACME, id, 0)).rejects.toMatchObject({ code: "too_many_streams" });
    (await follow(events, theirs.id, 0, GLOBEX)).stop();
    for (const [index, stream] of streams.entries()) await leave[index]?.(stream);
  }
  await expect.poll(timers).toBe(before);
});

test("follow() limits all streams together", async () => {
  const { bench, events } = await scene({ maxStreams: 2 });
  const { id } = await queue(bench);
  const first = await follow(events, id);
  await follow(events, id);
  await expect(events.follow(ACME, id, 0)).rejects.toMatchObject({ code: "server_busy" });
  first.stop();
  await follow(events, id);
});

test("follow() ends after maxStreamMs, so that the client authenticates again", async () => {
  const { bench, events } = await scene({ maxStreamMs: 1 });
  const { id } = await queue(bench);
  expect(await all(await follow(events, id))).toEqual(["queued"]);
});

test("close() ends every stream, also those that wait, and refuses new ones", async () => {
  const { bench, events } = await scene();
  const { id } = await queue(bench);
  const next = reader(await follow(events, id));
  expect(await next()).toBe("queued");
  const waiting = next();
  events.close();
  expect(await waiting).toBeNull();
  await expect(events.follow(ACME, id, 0)).rejects.toMatchObject({ code: "server_busy" });
});
