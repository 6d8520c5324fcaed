import fc from "fast-check";
import { expect, it } from "vitest";
import { migrate } from "../../../src/adapters/records/migrations.ts";
import { openNodeSqlite } from "../../../src/adapters/records/node-sqlite.ts";
import type { Job } from "../../../src/domain/ports/records.ts";
import type { TenantId } from "../../../src/domain/tenant.ts";
import type { RecordStatus, Upload } from "../../../src/domain/upload.ts";
import {
  ACME,
  type Bench,
  createBench,
  GLOBEX,
  LEASE_MS,
  result,
  STORAGES,
  store,
  TROUBLE,
} from "./bench.ts";

/** A model of the records: the state machine of a few uploads, as simple as possible. */
interface ModelUpload {
  readonly upload: Upload;
  status: RecordStatus | "gone";
  revision: number;
  attempts: number;
  /** When it is due, while it waits or runs. */
  runAfter: number;
  leaseUntil: number;
  token: string | null;
  failing: boolean;
  readonly events: string[];
  /** Versions of the results, by processor. */
  readonly results: Map<string, string>;
}

interface Model {
  readonly uploads: ModelUpload[];
  /** Initially the last name, so that the first tenant begins. */
  lastServed: TenantId;
  /** All jobs that were ever claimed, most of them stale. */
  readonly jobs: { readonly job: Job; readonly of: ModelUpload }[];
}

type Step = fc.AsyncCommand<Model, Bench>;

function step(name: string, run: (model: Model, bench: Bench) => Promise<void>): Step {
  return {
    check: () => true,
    toString: () => name,
    async run(model, bench) {
      await run(model, bench);
      await compare(model, bench);
    },
  };
}

async function compare(model: Model, bench: Bench): Promise<void> {
  for (const expected of model.uploads) {
    const { tenant, id } = expected.upload;
    const found = await bench.records.find(tenant, id);
    const visible = expected.status !== "gone" && expected.status !== "deleting";
    expect(found?.status ?? null).toBe(visible ? expected.status : null);
    if (found !== null) {
      expect(found.revision).toBe(expected.revision);
      expect(found.processing.attempts).toBe(expected.attempts);
      expect(found.processing.error !== null).toBe(expected.failing);
    }
    const events = await bench.records.events(tenant, id, 0, 1_000);
    expect(events.map(({ type }) => type.replace("upload.", ""))).toEqual(expected.events);
    const revisions = events.map(({ revision }) => revision);
    expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b));
    const results = await bench.records.results(tenant, id);
    expect(results.map(({ name, version }) => `${name}@${version}`)).toEqual(
      visible ? [...expected.results].map(([name, version]) => `${name}@${version}`).sort() : [],
    );
  }
  expect(await bench.records.nextJobAt(STORAGES)).toBe(waiting(model)[0]?.due ?? null);
}

/** Queued and running jobs, in the order in which they are due. */
function waiting(model: Model) {
  return model.uploads
    .filter(({ status }) => status === "queued" || status === "processing")
    .map((of) => ({ of, due: of.status === "queued" ? of.runAfter : of.leaseUntil }))
    .sort((a, b) => a.due - b.due || (a.of.upload.id < b.of.upload.id ? -1 : 1));
}

function become(upload: ModelUpload, status: RecordStatus): void {
  upload.status = status;
  upload.revision++;
  upload.events.push(status);
  if (status !== "processing") upload.token = null;
}

function isHeld({ job, of }: Model["jobs"][number]): boolean {
  return of.status === "processing" && of.token === job.leaseToken;
}

/** The tenant of a call on `of`: its own, or the other. */
function caller(of: ModelUpload, own: boolean): TenantId {
  return own === (of.upload.tenant === ACME) ? ACME : GLOBEX;
}

const pick = <Item>(items: readonly Item[], at: number): Item | undefined =>
  items[at % Math.max(items.length, 1)];

const at = fc.nat(5);
const mostly = fc.integer({ min: 0, max: 4 }).map((value) => value > 0);

const steps: fc.Arbitrary<Step>[] = [
  fc.tuple(fc.boolean(), fc.boolean()).map(([queued, ours]) =>
    step(`store(${queued})`, async (model, bench) => {
      const tenant = ours ? ACME : GLOBEX;
      const upload = await store(bench, { tenant }, { process: queued ? ["text"] : null });
      const status = queued ? "queued" : "stored";
      const now = bench.clock.now();
      model.uploads.push({
        upload,
        status,
        revision: 2,
        attempts: 0,
        runAfter: now,
        leaseUntil: 0,
        token: null,
        failing: false,
        events: [status],
        results: new Map(),
      });
    }),
  ),
  fc.tuple(at, mostly).map(([index, own]) =>
    step(`requeue(${index}, ${own})`, async (model, bench) => {
      const of = pick(model.uploads, index);
      if (of === undefined) return;
      const answer = await bench.records.requeue(caller(of, own), of.upload.id, ["text"]);
      const exists = own && of.status !== "gone" && of.status !== "deleting";
      const queued = exists && of.status !== "queued" && of.status !== "processing";
      expect(answer?.queued ?? null).toBe(exists ? queued : null);
      if (!queued) return;
      become(of, "queued");
      Object.assign(of, { attempts: 0, failing: false, runAfter: bench.clock.now() });
    }),
  ),
  fc.constant(null).map(() =>
    step("claim()", async (model, bench) => {
      const now = bench.clock.now();
      const token = `token-${model.jobs.length}`;
      const job = await bench.records.claim(token, now + LEASE_MS, STORAGES);
      const ready = waiting(model).filter(({ due }) => due <= now);
      // Two tenants: the one that was not served last goes first.
      const turn = ready.find(({ of }) => of.upload.tenant !== model.lastServed) ?? ready[0];
      const expected = turn?.of;
      expect(job?.upload.id).toBe(expected?.upload.id);
      if (job === null || expected === undefined) return;
      model.lastServed = job.upload.tenant;
      become(expected, "processing");
      Object.assign(expected, { token, leaseUntil: now + LEASE_MS });
      expect(job.attempt).toBe(++expected.attempts);
      model.jobs.push({ job, of: expected });
    }),
  ),
  fc.tuple(at, fc.boolean()).map(([index, failed]) =>
    step(`finishJob(${index}, ${failed})`, async (model, bench) => {
      const held = pick(model.jobs, index);
      if (held === undefined) return;
      const status = failed ? "failed" : "processed";
      const version = held.job.leaseToken;
      const finished = await bench.records.finishJob(held.job, {
        status,
        error: failed ? TROUBLE : null,
        results: [result("text", { version })],
      });
      expect(finished !== null).toBe(isHeld(held));
      if (finished === null) return;
      become(held.of, status);
      held.of.failing = failed;
      held.of.results.set("text", version);
    }),
  ),
  fc.tuple(at, fc.nat(100)).map(([index, delay]) =>
    step(`retryJob(${index}, ${delay})`, async (model, bench) => {
      const held = pick(model.jobs, index);
      if (held === undefined) return;
      const runAfter = bench.clock.now() + delay;
      const kept = isHeld(held);
      expect(await bench.records.retryJob(held.job, runAfter, TROUBLE)).toBe(kept);
      if (!kept) return;
      become(held.of, "queued");
      Object.assign(held.of, { runAfter, failing: true });
    }),
  ),
  at.map((index) =>
    step(`handBackJob(${index})`, async (model, bench) => {
      const held = pick(model.jobs, index);
      if (held === undefined) return;
      const kept = isHeld(held);
      await bench.records.handBackJob(held.job);
      if (!kept) return;
      become(held.of, "queued");
      held.of.attempts--;
    }),
  ),
  at.map((index) =>
    step(`renewJob(${index})`, async (model, bench) => {
      const held = pick(model.jobs, index);
      if (held === undefined) return;
      const leaseUntil = bench.clock.now() + LEASE_MS;
      expect(await bench.records.renewJob(held.job, leaseUntil)).toBe(isHeld(held));
      if (isHeld(held)) held.of.leaseUntil = leaseUntil;
    }),
  ),
  fc.tuple(at, mostly, fc.boolean()).map(([index, own, finish]) =>
    step(`delete(${index}, ${own}, ${finish})`, async (model, bench) => {
      const of = pick(model.uploads, index);
      if (of === undefined) return;
      const begun = await bench.records.beginDelete(caller(of, own), of.upload.id);
      const exists = own && of.status !== "gone" && of.status !== "deleting";
      expect(begun !== null).toBe(exists);
      if (begun !== null) become(of, "deleting");
      if (!finish || of.status !== "deleting") return;
      await bench.records.finishDelete(of.upload, null);
      of.status = "gone";
      of.events.length = 0;
    }),
  ),
  fc
    .nat(2 * LEASE_MS)
    .map((ms) => step(`advance(${ms})`, (_, bench) => Promise.resolve(bench.clock.advance(ms)))),
];

it("jobs behave like the model for any sequence of calls", async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(steps, { maxCommands: 60, size: "large" }), async (commands) => {
      const executor = await openNodeSqlite(":memory:");
      try {
        await migrate(executor);
        const bench = createBench(executor);
        await fc.asyncModelRun(
          () => ({ model: { uploads: [], jobs: [], lastServed: GLOBEX }, real: bench }),
          commands,
        );
      } finally {
        await executor.close();
      }
    }),
    { numRuns: 100 },
  );
});
