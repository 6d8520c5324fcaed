import { type Expression, type SqlBool, sql } from "kysely";
import type { Clock } from "../../domain/ports/clock.ts";
import type { NewUpload, Reservation, UploadRecords } from "../../domain/ports/records.ts";
import type { TenantId } from "../../domain/tenant.ts";
import type { UploadId } from "../../domain/upload-id.ts";
import { notExpired, type UploadCondition } from "./changes.ts";
import type { SqlExecutor } from "./executor.ts";
import { toUpload } from "./rows.ts";
import { db, type UploadRow } from "./schema.ts";

/** How long an `Idempotency-Key` stays bound to its upload after the commit. */
const LIFETIME_MS = 24 * 60 * 60_000;

/** Which `Idempotency-Key` belongs to which upload. */
export function idempotencyRecords(
  executor: SqlExecutor,
  clock: Clock,
): Pick<UploadRecords, "findIdempotencyRecord" | "dropIdempotencyRecords"> {
  return {
    async findIdempotencyRecord(tenant, idempotencyKey) {
      const now = clock.now();
      // One query, because a commit could happen between two.
      const [row] = await executor.run(
        db
          .selectFrom("repeats")
          .leftJoin("uploads", (join) =>
            join
              .onRef("uploads.id", "=", "repeats.upload_id")
              .on("uploads.status", "<>", "deleting")
              .on(notExpired(now)),
          )
          .selectAll("uploads")
          .select(["repeats.upload_id as record_upload_id", "repeats.fingerprint"])
          .where("repeats.tenant", "=", tenant)
          .where("repeats.key", "=", idempotencyKey)
          .where(isTaken(now))
          .compile(),
      );
      if (row === undefined) return null;
      const { record_upload_id: uploadId, fingerprint } = row;
      if (row.id === null) return { uploadId, fingerprint, upload: null, leaseUntil: null };
      const leaseUntil = row.status === "uploading" ? row.lease_until : null;
      return { uploadId, fingerprint, upload: toUpload(row as UploadRow), leaseUntil };
    },

    async dropIdempotencyRecords() {
      const rows = await executor.run(
        db
          .deleteFrom("repeats")
          .where("committed_at", "<=", clock.now() - LIFETIME_MS)
          .returning("upload_id")
          .compile(),
      );
      return rows.length;
    },
  };
}

/** What an `Idempotency-Key` adds to the batch that inserts a new upload. */
export function reserveKey(upload: NewUpload, key: string, now: number) {
  return {
    /** Whether another upload has the key. Then nothing may be inserted. */
    isTaken: hasKey(upload.tenant, key, now),
    freed: freedByKey(upload.tenant, key, now),
    /** To run after the insert, in this order. */
    claim: [expireKey(upload, key, now), claimKey(upload, key, now)],
  };
}

function hasKey(tenant: TenantId, key: string, now: number): Expression<SqlBool> {
  return sql<SqlBool>`exists (select 1 from repeats where tenant = ${tenant} and key = ${key} and ${isTaken(now)})`;
}

/**
 * What {@link expireKey} gives back to the quota, as numbers within a query that runs before it. A request whose server
 * died is sent again: the quota need not count its bytes twice.
 */
function freedByKey(tenant: TenantId, key: string, now: number) {
  const owner = sql`from uploads where ${hasLapsed(now)} and id = (select upload_id from repeats where tenant = ${tenant} and key = ${key})`;
  return {
    bytes: sql<number>`coalesce((select held_bytes ${owner}), 0)`,
    uploads: sql<number>`(select count(*) ${owner})`,
  };
}

/**
 * Fence out a reservation that has this key and whose lease has ended, and give back its bytes. Otherwise a writer that
 * wakes up late could commit beside the new owner of its key.
 */
function expireKey({ id, tenant }: NewUpload, key: string, now: number) {
  return db
    .updateTable("uploads")
    .set({ revision: sql`revision + 1`, held_bytes: 0 })
    .where(
      "id",
      "in",
      db
        .selectFrom("repeats")
        .select("upload_id")
        .where((eb) => eb.and({ tenant, key })),
    )
    .where(hasLapsed(now))
    .where(sql<SqlBool>`exists (select 1 from uploads as claimant where claimant.id = ${id})`)
    .compile();
}

/** Give the key to the new upload if it was inserted. */
function claimKey({ id, tenant }: NewUpload, key: string, now: number) {
  return db
    .insertInto("repeats")
    .columns(["tenant", "key", "upload_id", "created_at"])
    .expression(
      db
        .selectFrom("uploads")
        .select((eb) => ["tenant", eb.val(key).as("key"), "id", eb.val(now).as("created_at")])
        .where((eb) => eb.and({ id, tenant, status: "uploading" })),
    )
    .onConflict((conflict) =>
      conflict
        .columns(["tenant", "key"])
        .doUpdateSet({
          upload_id: (eb) => eb.ref("excluded.upload_id"),
          created_at: (eb) => eb.ref("excluded.created_at"),
          fingerprint: null,
          committed_at: null,
        })
        // If another upload still has the key, it keeps it, and no upload was inserted.
        .where(sql<SqlBool>`not ${isTaken(now)}`),
    )
    .compile();
}

/** Bind the key to an upload that is about to be committed, if it has one. Runs before its row changes. */
export function sealKey(
  { id, tenant }: Reservation,
  stillOwned: UploadCondition,
  fingerprint: string,
  now: number,
) {
  return db
    .updateTable("repeats")
    .set({ fingerprint, committed_at: now })
    .where("upload_id", "=", id as UploadId)
    .where("tenant", "=", tenant)
    .where(({ exists }) => exists(db.selectFrom("uploads").select("id").where(stillOwned)))
    .compile();
}

/** An expired key counts as free before it is removed, and so does the key of a writer that died. */
function isTaken(now: number): Expression<SqlBool> {
  const expiredOwner = db
    .selectFrom("uploads")
    .select("id")
    .where(sql<SqlBool>`id = repeats.upload_id`)
    .where(hasLapsed(now));
  return sql<SqlBool>`(case when repeats.committed_at is null then not exists ${expiredOwner} else repeats.committed_at > ${now - LIFETIME_MS} end)`;
}

/** A reservation that was not renewed in time. */
function hasLapsed(now: number): Expression<SqlBool> {
  return sql<SqlBool>`(uploads.status = 'uploading' and uploads.lease_until <= ${now})`;
}
