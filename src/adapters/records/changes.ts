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

/** Which upload is meant, and what must still be true of it. */
export type UploadCondition = (eb: ExpressionBuilder<Schema, "uploads">) => Expression<SqlBool>;

/** `+` keeps SQLite from walking the index of `storage_id`: what is due comes first. */
export function inStorages(storageIds: readonly string[]): Expression<SqlBool> {
  return sql<SqlBool>`+storage_id in (${sql.join(storageIds)})`;
}

/** One upload of a tenant, at this revision; `null`: at whichever. */
export function theOne(
  eb: ExpressionBuilder<Schema, "uploads">,
  tenant: TenantId,
  id: UploadId,
  revision: number | null,
): Expression<SqlBool> {
  return eb.and({ id, tenant, ...(revision === null ? {} : { revision }) });
}

/** From its end on an upload reads as missing, whenever somebody gets to remove it. */
export function notExpired(now: number): Expression<SqlBool> {
  return sql<SqlBool>`(uploads.expires_at is null or uploads.expires_at > ${now})`;
}

export interface Change {
  readonly to: RecordStatus;
  /** Default: every status from which `to` may be reached. */
  readonly from?: readonly RecordStatus[];
  readonly where: UploadCondition;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Columns to change besides `status`, `revision` and `updated_at`. */
  readonly set?: UpdateObject<Schema, "uploads">;
}

/**
 * A change of one record as the last queries of a batch: its event, then the change itself, which returns
 * the changed row or nothing.
 *
 * The event is selected by the condition of the change, before it: inside one batch both see the same row,
 * so there is an event if and only if there is a change. Afterwards a row that somebody else has changed
 * could be taken for ours.
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
 * Appends the event of the change that is about to be made to what `condition` selects.
 *
 * @param set What the change will set: events tell of attempts and errors as they are afterwards.
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
