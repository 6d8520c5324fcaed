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

/** What callers may delete. Reservations end by `release` or `collectAbandoned`. */
const DELETABLE = statusesBefore("deleting").filter((status) => status !== "uploading");

/** Literals, because SQLite uses the partial index `uploads_remains` only if it can prove that it applies. */
const IS_LEFTOVER = sql<SqlBool>`status in ('uploading', 'deleting')`;

/** Deletes uploads, and collects what expired or was left behind by crashes. */
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
      const abandoned = oldestLeftovers(limit, now, now - deleteGraceMs, storageIds);
      const wasUploading = sql<SqlBool>`status = 'uploading'`;
      const [, rows] = await executor.batch([
        eventOf("deleting", (eb) => eb.and([wasUploading, abandoned(eb)]), now),
        // Resuming an interrupted delete is not a change. Only its time moves, so that others come first next time.
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

/** Reservations whose lease has ended, and deletes that began before `begunBefore`. */
function oldestLeftovers(
  limit: number,
  now: number,
  begunBefore: number,
  storageIds: readonly string[],
): UploadCondition {
  const chosen = db
    .selectFrom("uploads")
    .select("id")
    .where(IS_LEFTOVER)
    .where(inStorages(storageIds))
    .where((eb) => eb.or([eb("status", "=", "uploading"), eb("due_at", "<", begunBefore)]))
    .where("due_at", "<=", now)
    .orderBy("due_at")
    .orderBy("id")
    .limit(limit);
  return (eb) => eb("id", "in", chosen);
}

/** A literal, because SQLite uses the partial index `uploads_expiry` only if it can prove that it applies. */
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
