import { type Expression, type SqlBool, sql } from "kysely";
import { StowageError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type {
  CommitFacts,
  NewUpload,
  Quota,
  Reservation,
  UploadRecords,
} from "../../domain/ports/records.ts";
import type { TenantId } from "../../domain/tenant.ts";
import { change, type UploadCondition } from "./changes.ts";
import type { SqlExecutor } from "./executor.ts";
import { reserveKey, sealKey } from "./idempotency-records.ts";
import { fitsQuota, quotaExceeded, usage } from "./quotas.ts";
import { toUpload } from "./rows.ts";
import { db, type UploadRow } from "./schema.ts";
import { leaveTombstone } from "./tombstones.ts";

const FIRST_REVISION = 1;

const NO_QUOTA: Quota = { bytes: null, uploads: null };

/** An upload from its reservation to its commit. */
export function reservations(
  executor: SqlExecutor,
  clock: Clock,
): Pick<
  UploadRecords,
  "reserve" | "reserveQuota" | "renewReservation" | "noteMultipart" | "commit" | "release"
> {
  return {
    async reserve(upload, leaseUntil, { reserveBytes = 0, quota = NO_QUOTA, idempotencyKey } = {}) {
      const now = clock.now();
      const { id, tenant, storageId, key } = upload;
      const keyed = idempotencyKey === undefined ? null : reserveKey(upload, idempotencyKey, now);
      const conditions = fitsQuota(tenant, reserveBytes, quota, keyed?.freed);
      if (keyed !== null) conditions.unshift(sql<SqlBool>`not ${keyed.isTaken}`);
      const insert = insertUpload(upload, { reserveBytes, leaseUntil, now }, conditions);
      const reservation = { id, tenant, storageId, key, revision: FIRST_REVISION };
      if (conditions.length === 0) {
        await executor.run(insert);
        return reservation;
      }
      const [[before], inserted] = await executor.batch([
        selectUsage(tenant, keyed?.isTaken ?? sql<SqlBool>`0`),
        insert,
        ...(keyed?.claim ?? []),
      ]);
      if (inserted.length > 0) return reservation;
      if (before?.found === 0) throw quotaExceeded(before, quota, reserveBytes);
      throw keyInUse();
    },

    async reserveQuota(reservation, bytes, { bytes: quotaBytes }) {
      const quota = { bytes: quotaBytes, uploads: null };
      const [[before], rows] = await executor.batch([
        selectUsage(reservation.tenant, heldBytes(reservation)),
        holdBytes(reservation, bytes, quota),
      ]);
      if (rows.length > 0) return;
      if (before === undefined || before.found === null) throw reservationLost();
      throw quotaExceeded(before, quota, bytes - before.found);
    },

    async renewReservation(reservation, leaseUntil) {
      const rows = await executor.run(updateOwned(reservation, { lease_until: leaseUntil }));
      return rows.length > 0;
    },

    async noteMultipart(reservation, multipartId) {
      const rows = await executor.run(updateOwned(reservation, { multipart_id: multipartId }));
      if (rows.length === 0) throw reservationLost();
    },

    async commit(reservation, facts) {
      const now = clock.now();
      const results = await executor.batch([
        ...sealKeyOf(reservation, facts, now),
        ...commitUpload(reservation, facts, now),
        selectOf(reservation),
      ]);
      const row = (results.at(-2)?.[0] ?? results.at(-1)?.[0]) as UploadRow | undefined;
      if (row !== undefined && isCommitted(row, facts)) return toUpload(row);
      throw reservationLost();
    },

    async release(reservation, tombstone = null) {
      const isOurs = stillOwned(reservation);
      const remove = db.deleteFrom("uploads").where(isOurs).compile();
      if (tombstone === null) await executor.batch([remove]);
      else await executor.batch([leaveTombstone(tombstone, isOurs), remove]);
    },
  };
}

/** Insert an `uploading` row if all `conditions` are true. */
function insertUpload(
  upload: NewUpload,
  { reserveBytes, leaseUntil, now }: { reserveBytes: number; leaseUntil: number; now: number },
  conditions: readonly Expression<SqlBool>[],
) {
  const row = {
    id: upload.id,
    tenant: upload.tenant,
    storage_id: upload.storageId,
    key: upload.key,
    revision: FIRST_REVISION,
    status: "uploading",
    filename: upload.filename,
    original_filename: upload.originalFilename,
    content_type: upload.contentType,
    created_by: upload.createdBy,
    lease_until: leaseUntil,
    held_bytes: reserveBytes,
    created_at: now,
    updated_at: now,
  } satisfies Partial<UploadRow>;
  const columns = Object.keys(row) as (keyof typeof row)[];
  return db
    .insertInto("uploads")
    .columns(columns)
    .expression(
      db
        .selectNoFrom((eb) => columns.map((column) => eb.val(row[column]).as(column)))
        .where((eb) => eb.and(conditions)),
    )
    .returning("id")
    .compile();
}

/** The usage of a tenant, and another value read at the same moment. */
function selectUsage<Found>(tenant: TenantId, found: Expression<Found>) {
  return db
    .selectNoFrom([
      usage(tenant, "bytes").as("bytes"),
      usage(tenant, "uploads").as("uploads"),
      sql<Found>`${found}`.as("found"),
    ])
    .compile();
}

/** The reserved bytes, within a query; `null` if the reservation is lost. */
function heldBytes(reservation: Reservation): Expression<number | null> {
  const bytes = db.selectFrom("uploads").select("held_bytes").where(stillOwned(reservation));
  return sql<number | null>`(${bytes})`;
}

/** Count `bytes` in total, unless as many are counted already. */
function holdBytes(reservation: Reservation, bytes: number, quota: Quota) {
  return db
    .updateTable("uploads")
    .set({ held_bytes: bytes })
    .where(stillOwned(reservation))
    .where((eb) =>
      eb.or([
        eb("held_bytes", ">=", bytes),
        eb.and(fitsQuota(reservation.tenant, sql`${bytes} - held_bytes`, quota)),
      ]),
    )
    .returning("id")
    .compile();
}

function updateOwned(
  reservation: Reservation,
  set: Partial<Pick<UploadRow, "lease_until" | "multipart_id">>,
) {
  return db
    .updateTable("uploads")
    .set(set)
    .where(stillOwned(reservation))
    .returning("id")
    .compile();
}

/**
 * Whether the reservation still exists: it was not cleaned up, and its key was not claimed. An expired lease that
 * was not noticed yet does not end it.
 */
function stillOwned(reservation: Reservation): UploadCondition {
  return (eb) =>
    eb.and({
      id: reservation.id,
      tenant: reservation.tenant,
      storage_id: reservation.storageId,
      key: reservation.key,
      revision: reservation.revision,
      status: "uploading",
    });
}

/** Runs before the commit, while the row still proves who owns it. */
function sealKeyOf(reservation: Reservation, { fingerprint = null }: CommitFacts, now: number) {
  if (fingerprint === null) return [];
  return [sealKey(reservation, stillOwned(reservation), fingerprint, now)];
}

function commitUpload(reservation: Reservation, facts: CommitFacts, now: number) {
  return change({
    to: facts.process === null ? "stored" : "queued",
    where: stillOwned(reservation),
    at: now,
    set: {
      size_bytes: facts.sizeBytes,
      sha256: facts.sha256,
      content_type: facts.contentType,
      metadata: JSON.stringify(facts.metadata),
      expires_at: facts.expiresAt,
      processors: JSON.stringify(facts.process ?? []),
      run_after: facts.process === null ? null : now,
      lease_until: null,
      multipart_id: null,
    },
  });
}

function keyInUse(): StowageError {
  return new StowageError(
    "idempotency_key_in_use",
    "Cannot begin upload: another one has the same Idempotency-Key",
  );
}

function reservationLost(): StowageError {
  return new StowageError("reservation_lost", "Cannot finish upload: its reservation has expired", {
    retryable: true,
  });
}

function selectOf({ id, tenant }: Reservation) {
  return db
    .selectFrom("uploads")
    .selectAll()
    .where("id", "=", id)
    .where("tenant", "=", tenant)
    .compile();
}

/**
 * Whether the upload is committed, by this call or an earlier one: a caller that got no response tries again. Only
 * the owner of the reservation can have committed it.
 */
function isCommitted(row: UploadRow, facts: CommitFacts): boolean {
  return row.status !== "uploading" && row.status !== "deleting" && row.sha256 === facts.sha256;
}
