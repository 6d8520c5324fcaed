import { type SqlBool, sql } from "kysely";
import type { Clock } from "../../domain/ports/clock.ts";
import type { UploadRecords } from "../../domain/ports/records.ts";
import { statusesBefore, type Upload } from "../../domain/upload.ts";
import {
  change,
  eventOf,
  inStorages,
  notExpired,
  theOne,
  type UploadCondition,
} from "./changes.ts";
import type { SqlExecutor } from "./executor.ts";
import { toUpload } from "./rows.ts";
import { db } from "./schema.ts";
import { leaveTombstone } from "./tombstones.ts";

/** What callers may delete. Reservations end by `release` or by being collected. */
const DELETABLE = statusesBefore("deleting").filter((status) => status !== "uploading");

/** Literals, not parameters: only so can SQLite prove that the partial index `uploads_remains` fits. */
const IS_REMAINS = sql<SqlBool>`status in ('uploading', 'deleting')`;

/** Row first, then bytes, then the rest: and what crashes left of that. */
export function deletions(
  executor: SqlExecutor,
  clock: Clock,
): Pick<UploadRecords, "beginDelete" | "finishDelete" | "collectAbandoned" | "collectExpired"> {
  return {
    async beginDelete(tenant, id, revision = null) {
      const now = clock.now();
      const [, [row]] = await executor.batch(
        change({
          to: "deleting",
          from: DELETABLE,
          where: (eb) => eb.and([theOne(eb, tenant, id, revision), notExpired(now)]),
          at: now,
          set: { lease_token: null, lease_until: now },
        }),
      );
      return row === undefined ? null : toUpload(row);
    },

    async finishDelete(upload, tombstone) {
      const isOurs = deleting(upload);
      await executor.batch([
        ...(tombstone === null ? [] : [leaveTombstone(tombstone, isOurs)]),
        // Results and events go with it (ON DELETE CASCADE).
        db.deleteFrom("uploads").where(isOurs).compile(),
      ]);
    },

    async collectAbandoned(limit, deleteGraceMs, storageIds) {
      const now = clock.now();
      const abandoned = oldestRemains(limit, now, now - deleteGraceMs, storageIds);
      const wasUploading = sql<SqlBool>`status = 'uploading'`;
      const [, rows] = await executor.batch([
        eventOf("deleting", (eb) => eb.and([wasUploading, abandoned(eb)]), now),
        // To take up an interrupted delete again is no change: only its time moves, so that others come
        // first next time.
        db
          .updateTable("uploads")
          .set({
            status: "deleting",
            revision: sql`case when ${wasUploading} then revision + 1 else revision end`,
            updated_at: sql`case when ${wasUploading} then ${now} else updated_at end`,
            lease_until: now,
          })
          .where(abandoned)
          .returningAll()
          .compile(),
      ]);
      return rows.map(toUpload);
    },

    async collectExpired(limit, storageIds) {
      const now = clock.now();
      const [, rows] = await executor.batch(
        change({
          to: "deleting",
          from: DELETABLE,
          where: firstExpired(limit, now, storageIds),
          at: now,
          set: { lease_token: null, lease_until: now },
        }),
      );
      return rows.map(toUpload);
    },
  };
}

function deleting({ id, tenant }: Upload): UploadCondition {
  return (eb) => eb.and({ id, tenant, status: "deleting" });
}

/** Reservations whose lease has ended, and deletes that were begun before `begunBefore`. */
function oldestRemains(
  limit: number,
  now: number,
  begunBefore: number,
  storageIds: readonly string[],
): UploadCondition {
  const chosen = db
    .selectFrom("uploads")
    .select("id")
    .where(IS_REMAINS)
    .where(inStorages(storageIds))
    .where((eb) => eb.or([eb("status", "=", "uploading"), eb("due_at", "<", begunBefore)]))
    .where("due_at", "<=", now)
    .orderBy("due_at")
    .orderBy("id")
    .limit(limit);
  return (eb) => eb("id", "in", chosen);
}

/** The literal: only so can SQLite prove that the partial index `uploads_expiry` fits. */
function firstExpired(limit: number, now: number, storageIds: readonly string[]): UploadCondition {
  const chosen = db
    .selectFrom("uploads")
    .select("id")
    .where("expires_at", "<=", now)
    .where(sql<SqlBool>`status <> 'deleting'`)
    .where(inStorages(storageIds))
    .orderBy("expires_at")
    .orderBy("id")
    .limit(limit);
  return (eb) => eb("id", "in", chosen);
}
