import {
  type Expression,
  type ExpressionBuilder,
  type SqlBool,
  sql,
  type UpdateObject,
} from "kysely";
import type { TenantId } from "../../domain/tenant.ts";
import { type RecordStatus, statusesBefore } from "../../domain/upload.ts";
import type { UploadId } from "../../domain/upload-id.ts";
import { db, type Schema } from "./schema.ts";

/** Selects an upload, and states what must still be true of it. */
export type UploadCondition = (eb: ExpressionBuilder<Schema, "uploads">) => Expression<SqlBool>;

/** `+` keeps SQLite from using the index of `storage_id`: the order of due times matters more. */
export function inStorages(storageIds: readonly string[]): Expression<SqlBool> {
  return sql<SqlBool>`+storage_id in (${sql.join(storageIds)})`;
}

/** One upload of a tenant, at this revision; `null`: at any. */
export function theOne(
  eb: ExpressionBuilder<Schema, "uploads">,
  tenant: TenantId,
  id: UploadId,
  revision: number | null,
): Expression<SqlBool> {
  return eb.and(revision === null ? { id, tenant } : { id, tenant, revision });
}

/** An expired upload counts as missing, even before it is removed. */
export function notExpired(now: number): Expression<SqlBool> {
  return sql<SqlBool>`(uploads.expires_at is null or uploads.expires_at > ${now})`;
}

export interface Change {
  readonly to: RecordStatus;
  /** Default: every status that may change to `to`. */
  readonly from?: readonly RecordStatus[];
  readonly where: UploadCondition;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Columns to change besides `status`, `revision` and `updated_at`. */
  readonly set?: UpdateObject<Schema, "uploads">;
}

/**
 * The queries for a change of one record, for the end of a batch: first its event, then the change, which returns the
 * changed row or nothing.
 *
 * The event has the same condition and comes first. Within a batch both see the same row, so there is an event if and
 * only if there is a change. An event inserted afterwards could match a row that another writer has changed.
 */
export function change({ to, from = statusesBefore(to), where, at, set = {} }: Change) {
  const condition: UploadCondition = (eb) => eb.and([where(eb), eb("status", "in", from)]);
  return [
    eventOf(to, condition, at, set),
    db
      .updateTable("uploads")
      .set({ ...set, status: to, revision: sql`revision + 1`, updated_at: at })
      .where(condition)
      .returningAll()
      .compile(),
  ] as const;
}

/**
 * Insert the event for the change of the row that `condition` selects. Runs before the change.
 *
 * @param set What the change will set: an event has the attempts and errors after the change.
 */
export function eventOf(
  to: RecordStatus,
  condition: UploadCondition,
  at: number,
  set: Pick<NonNullable<Change["set"]>, "attempts" | "error"> = {},
) {
  return db
    .insertInto("events")
    .columns(["upload_id", "tenant", "type", "revision", "at", "attempts", "error"])
    .expression(
      db
        .selectFrom("uploads")
        .select((eb) => [
          "id",
          "tenant",
          eb.val(`upload.${to}` as const).as("type"),
          eb("revision", "+", 1).as("revision"),
          eb.val(at).as("at"),
          sql<number>`${set.attempts ?? eb.ref("attempts")}`.as("attempts"),
          sql<string | null>`${set.error === undefined ? eb.ref("error") : set.error}`.as("error"),
        ])
        .where(condition),
    )
    .compile();
}
