import { sql } from "kysely";
import { StowageError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { Job, UploadRecords } from "../../domain/ports/records.ts";
import type { TenantId } from "../../domain/tenant.ts";
import { type ProcessorResult, statusesBefore } from "../../domain/upload.ts";
import type { UploadId } from "../../domain/upload-id.ts";
import { change, inStorages, notExpired, theOne, type UploadCondition } from "./changes.ts";
import type { SqlExecutor } from "./executor.ts";
import { toJson, toUpload } from "./rows.ts";
import { db, type UploadRow } from "./schema.ts";

/** The statuses in which processing can be requested. Commit, retry and hand back queue uploads, too. */
const SETTLED = statusesBefore("queued").filter(
  (status) => status !== "uploading" && status !== "processing",
);

/** A job whose lease has ended is claimed again directly. */
const CLAIMABLE = [...statusesBefore("processing"), "processing"] as const;

/** Literals, because SQLite uses the partial index `uploads_jobs` only if it can prove that it applies. */
const IS_JOB = sql<boolean>`status in ('queued', 'processing')`;

const LEASE_OVER = { lease_token: null, lease_until: null };

/** For an attempt that does not count. */
const ONE_LESS = sql<number>`attempts - 1`;

/** The processing jobs. A job is an upload that is `queued` or `processing`. */
export function jobs(
  executor: SqlExecutor,
  clock: Clock,
): Pick<
  UploadRecords,
  "requeue" | "claim" | "renewJob" | "finishJob" | "retryJob" | "handBackJob" | "nextJobAt"
> {
  /** The tenant of the last claimed job. Each process lets the tenants take turns. */
  let lastServed = "";
  return {
    async requeue(tenant, id, processors, revision = null) {
      const now = clock.now();
      const [, [queued], [found]] = await executor.batch([
        ...queueUpload((eb) => theOne(eb, tenant, id, revision), processors, now),
        selectVisible(tenant, id, now),
      ]);
      if (queued !== undefined) return { upload: toUpload(queued), queued: true };
      if (found === undefined) return null;
      refuseToQueue(found);
      return { upload: toUpload(found), queued: false };
    },

    async claim(leaseToken, leaseUntil, storageIds) {
      const due = { now: clock.now(), storageIds };
      const lease = { lease_token: leaseToken, lease_until: leaseUntil };
      const [, [row]] = await executor.batch(claimNext(lastServed, due, lease));
      if (row === undefined) return null;
      lastServed = row.tenant;
      const processors = JSON.parse(row.processors);
      return { upload: toUpload(row), leaseToken, processors, attempt: row.attempts };
    },

    async renewJob(job, leaseUntil) {
      const rows = await executor.run(renewLease(job, leaseUntil));
      return rows.length > 0;
    },

    async finishJob(job, { status, error, results }) {
      const now = clock.now();
      const set = { ...LEASE_OVER, error: toJson(error), finished_at: now };
      const outcomes = await executor.batch([
        ...results.map((result) => replaceResult(job, result)),
        ...change({ to: status, where: stillOwned(job), at: now, set }),
      ]);
      const row = outcomes.at(-1)?.[0] as UploadRow | undefined;
      return row === undefined ? null : toUpload(row);
    },

    async retryJob(job, runAfter, error, counts = true) {
      const attempts = counts ? undefined : ONE_LESS;
      const set = { ...LEASE_OVER, run_after: runAfter, error: toJson(error), attempts };
      const where = stillOwned(job);
      const [, rows] = await executor.batch(change({ to: "queued", where, at: clock.now(), set }));
      return rows.length > 0;
    },

    async handBackJob(job) {
      // `run_after` stays, so that the job keeps its place. `started_at` stays, too: the run may have stored texts,
      // and a delete must look for them.
      const set = { ...LEASE_OVER, attempts: ONE_LESS };
      await executor.batch(change({ to: "queued", where: stillOwned(job), at: clock.now(), set }));
    },

    async nextJobAt(storageIds) {
      const [row] = await executor.run(selectFirstDue(storageIds, clock.now()));
      return row?.due_at ?? null;
    },
  };
}

function queueUpload(which: UploadCondition, processors: readonly string[], now: number) {
  return change({
    to: "queued",
    from: SETTLED,
    where: (eb) => eb.and([which(eb), notExpired(now)]),
    at: now,
    set: {
      processors: JSON.stringify(processors),
      run_after: now,
      attempts: 0,
      error: null,
      finished_at: null,
    },
  });
}

function selectVisible(tenant: TenantId, id: UploadId, now: number) {
  return db
    .selectFrom("uploads")
    .selectAll()
    .where((eb) => eb.and({ id, tenant }))
    .where("status", "<>", "deleting")
    .where(notExpired(now))
    .compile();
}

/** @throws {StowageError} `upload_in_progress`, `upload_conflict`. */
function refuseToQueue({ status }: UploadRow): void {
  if (status === "uploading") {
    throw new StowageError(
      "upload_in_progress",
      "Cannot process upload: its bytes are still arriving",
    );
  }
  if (status === "quarantined") {
    throw new StowageError("upload_conflict", "Cannot process upload: it is quarantined");
  }
}

/** The jobs that may be claimed now. */
interface DueJobs {
  readonly now: number;
  readonly storageIds: readonly string[];
}

function claimNext(
  lastServed: string,
  due: DueJobs,
  lease: Pick<UploadRow, "lease_token" | "lease_until">,
) {
  const { now } = due;
  // After the last tenant comes the first one. Tenant ids are never empty.
  const next = sql<UploadId>`coalesce(${firstJobAfter(lastServed, due)}, ${firstJobAfter("", due)})`;
  return change({
    to: "processing",
    from: CLAIMABLE,
    where: (eb) => eb("id", "=", next),
    at: now,
    set: {
      ...lease,
      attempts: sql`attempts + 1`,
      started_at: now,
      finished_at: null,
      taken_over_at: sql`case when status = 'processing' then ${now} else taken_over_at end`,
    },
  });
}

function renewLease(job: Job, leaseUntil: number) {
  return db
    .updateTable("uploads")
    .set({ lease_until: leaseUntil })
    .where(stillOwned(job))
    .returning("id")
    .compile();
}

function selectFirstDue(storageIds: readonly string[], now: number) {
  return db
    .selectFrom("uploads")
    .select("due_at")
    .where(IS_JOB)
    .where(inStorages(storageIds))
    .where(notExpired(now))
    .orderBy("due_at")
    .limit(1)
    .compile();
}

/**
 * The job to claim: the oldest due job of the first tenant after `tenant` that has one, in the order of their names. The
 * query skips from tenant to tenant in the index, so a long backlog costs nothing.
 */
function firstJobAfter(tenant: string, due: DueJobs) {
  const nextTenant = (after: unknown) =>
    sql`(select min(tenant) from uploads where ${IS_JOB} and tenant > ${after})`;
  const current = sql.ref("turns.tenant");
  // Usually nothing is due. Then no tenant is looked at.
  const isAnyDue = sql`exists (select 1 from uploads where ${IS_JOB} and due_at <= ${due.now})`;
  const oldest = sql`(select id from uploads
    where ${IS_JOB} and tenant = ${current} and due_at <= ${due.now} and ${inStorages(due.storageIds)}
      and ${notExpired(due.now)}
    order by due_at, id limit 1)`;
  return sql<UploadId | null>`(
    with recursive turns (tenant) as (
      select ${nextTenant(tenant)} where ${isAnyDue}
      union all
      select ${nextTenant(current)} from turns where ${current} is not null
    ),
    jobs (id) as (select ${oldest} from turns)
    select id from jobs where id is not null limit 1)`;
}

/** Whether the job still belongs to this claim: it was not claimed again, finished or deleted. */
function stillOwned({ upload, leaseToken }: Job): UploadCondition {
  return (eb) =>
    eb.and({
      id: upload.id,
      tenant: upload.tenant,
      lease_token: leaseToken,
      status: "processing",
    });
}

/** Fenced like the change that follows in the batch. */
function replaceResult(job: Job, result: ProcessorResult) {
  return db
    .replaceInto("results")
    .columns([
      "upload_id",
      "name",
      "version",
      "status",
      "output",
      "text_key",
      "error",
      "duration_ms",
    ])
    .expression(
      db
        .selectFrom("uploads")
        .select((eb) => [
          "id",
          eb.val(result.name).as("name"),
          eb.val(result.version).as("version"),
          eb.val(result.status).as("status"),
          eb.val(toJson(result.output)).as("output"),
          eb.val(result.textKey).as("text_key"),
          eb.val(toJson(result.error)).as("error"),
          eb.val(result.durationMs).as("duration_ms"),
        ])
        .where(stillOwned(job)),
    )
    .compile();
}
