import { type Expression, type SqlBool, sql } from "kysely";
import type { Clock } from "../../domain/ports/clock.ts";
import type { NewUpload, Reservation, UploadRecords } from "../../domain/ports/records.ts";
import type { TenantId } from "../../domain/tenant.ts";
import type { UploadId } from "../../domain/upload-id.ts";
import { notExpired, type UploadCondition } from "./changes.ts";
import type { SqlExecutor } from "./executor.ts";
import { toUpload } from "./rows.ts";
import { db, type UploadRow } from "./schema.ts";

/** How long an `Idempotency-Key` answers with its upload, from the commit on. */
const KEPT_MS = 24 * 60 * 60_000;

/** Which upload was made, or is being made, with which `Idempotency-Key`. */
export function repeats(
  executor: SqlExecutor,
  clock: Clock,
): Pick<UploadRecords, "findRepeat" | "dropRepeats"> {
  return {
    async findRepeat(tenant, idempotencyKey) {
      const now = clock.now();
      // One query: of two, the second could see a commit that the first has not.
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
          .select(["repeats.upload_id as repeat_of", "repeats.fingerprint"])
          .where("repeats.tenant", "=", tenant)
          .where("repeats.key", "=", idempotencyKey)
          .where(counts(now))
          .compile(),
      );
      if (row === undefined) return null;
      const { repeat_of: uploadId, fingerprint } = row;
      if (row.id === null) return { uploadId, fingerprint, upload: null, leaseUntil: null };
      const leaseUntil = row.status === "uploading" ? row.lease_until : null;
      return { uploadId, fingerprint, upload: toUpload(row as UploadRow), leaseUntil };
    },

    async dropRepeats() {
      const rows = await executor.run(
        db
          .deleteFrom("repeats")
          .where("committed_at", "<=", clock.now() - KEPT_MS)
          .returning("upload_id")
          .compile(),
      );
      return rows.length;
    },
  };
}

/** Whether an upload has this key: to be asked in the query that inserts another. */
export function hasKey(tenant: TenantId, key: string, now: number): Expression<SqlBool> {
  return sql<SqlBool>`exists (select 1 from repeats where tenant = ${tenant} and key = ${key} and ${counts(now)})`;
}

/**
 * Fence out whoever has the key under a lease that has ended, before it is taken by an upload that was inserted
 * just before, in the same batch: one that wakes up late must not be committed beside the one that has its key.
 */
export function loseKey({ id, tenant }: NewUpload, key: string, now: number) {
  return db
    .updateTable("uploads")
    .set({ revision: sql`revision + 1` })
    .where(
      "id",
      "in",
      db
        .selectFrom("repeats")
        .select("upload_id")
        .where((eb) => eb.and({ tenant, key })),
    )
    .where(hasLapsed(now))
    .where(sql<SqlBool>`exists (select 1 from uploads as taker where taker.id = ${id})`)
    .compile();
}

/** Give the key to an upload that was inserted just before, in the same batch, after {@link loseKey}. */
export function takeKey({ id, tenant }: NewUpload, key: string, now: number) {
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
        // Whoever has it still is left alone; then nothing was inserted either.
        .where(sql<SqlBool>`not ${counts(now)}`),
    )
    .compile();
}

/** Keep the key of an upload that is about to be committed, if it has one: before its row changes. */
export function keepKey(
  { id, tenant }: Reservation,
  held: UploadCondition,
  fingerprint: string,
  now: number,
) {
  return db
    .updateTable("repeats")
    .set({ fingerprint, committed_at: now })
    .where("upload_id", "=", id as UploadId)
    .where("tenant", "=", tenant)
    .where(({ exists }) => exists(db.selectFrom("uploads").select("id").where(held)))
    .compile();
}

/** A key that is older counts as free, whoever removes it when, and so does that of a writer who has died. */
function counts(now: number): Expression<SqlBool> {
  const holder = db
    .selectFrom("uploads")
    .select("id")
    .where(sql<SqlBool>`id = repeats.upload_id`)
    .where(hasLapsed(now));
  return sql<SqlBool>`(case when repeats.committed_at is null then not exists ${holder} else repeats.committed_at > ${now - KEPT_MS} end)`;
}

/** A reservation that nobody has renewed in time. */
function hasLapsed(now: number): Expression<SqlBool> {
  return sql<SqlBool>`(uploads.status = 'uploading' and uploads.lease_until <= ${now})`;
}
