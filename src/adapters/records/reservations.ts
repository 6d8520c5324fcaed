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
import type { RowsOf, SqlExecutor } from "./executor.ts";
import { fits, kept, quotaExceeded } from "./quotas.ts";
import { hasKey, keepKey, loseKey, takeKey } from "./repeats.ts";
import { toUpload } from "./rows.ts";
import { db, type UploadRow } from "./schema.ts";
import { leaveTombstone } from "./tombstones.ts";

const FIRST_REVISION = 1;

const NO_QUOTA: Quota = { bytes: null, uploads: null };

/** From the first word of an upload to its bytes being durable. */
export function reservations(
  executor: SqlExecutor,
  clock: Clock,
): Pick<
  UploadRecords,
  "reserve" | "hold" | "renewReservation" | "noteMultipart" | "commit" | "release"
> {
  return {
    async reserve(upload, leaseUntil, terms = {}) {
      const now = clock.now();
      const { id, tenant, storageId, key } = upload;
      const { holdBytes = 0, quota = NO_QUOTA, idempotencyKey } = terms;
      const taken = idempotencyKey === undefined ? [] : [hasKey(tenant, idempotencyKey, now)];
      const conditions = [
        ...taken.map((isTaken) => sql<SqlBool>`not ${isTaken}`),
        ...fits(tenant, holdBytes, quota),
      ];
      const reservation = { id, tenant, storageId, key, revision: FIRST_REVISION };
      const inserting = insertion(upload, { holdBytes, leaseUntil, now }, conditions);
      if (conditions.length === 0) {
        await executor.run(inserting);
        return reservation;
      }
      const [[before], inserted] = await executor.batch([
        look(tenant, taken[0] ?? sql<SqlBool>`0`),
        inserting,
        ...(idempotencyKey === undefined
          ? []
          : [loseKey(upload, idempotencyKey, now), takeKey(upload, idempotencyKey, now)]),
      ]);
      if (inserted.length > 0) return reservation;
      if (before?.found === 0) throw quotaExceeded(before, quota, holdBytes);
      throw new StowageError(
        "idempotency_key_in_use",
        "Cannot begin upload: another one has the same Idempotency-Key",
      );
    },

    async hold(reservation, bytes, { bytes: quotaBytes }) {
      const { tenant } = reservation;
      const quota = { bytes: quotaBytes, uploads: null };
      const heldBytes = db.selectFrom("uploads").select("held_bytes").where(held(reservation));
      const [[before], rows] = await executor.batch([
        look(tenant, sql<number | null>`(${heldBytes})`),
        db
          .updateTable("uploads")
          .set({ held_bytes: bytes })
          .where(held(reservation))
          .where((eb) =>
            eb.or([
              eb("held_bytes", ">=", bytes),
              eb.and(fits(tenant, sql`${bytes} - held_bytes`, quota)),
            ]),
          )
          .returning("id")
          .compile(),
      ]);
      if (rows.length > 0) return;
      if (before === undefined || before.found === null) throw reservationLost();
      throw quotaExceeded(before, quota, bytes - before.found);
    },

    async renewReservation(reservation, leaseUntil) {
      const rows = await executor.run(
        db
          .updateTable("uploads")
          .set({ lease_until: leaseUntil })
          .where(held(reservation))
          .returning("id")
          .compile(),
      );
      return rows.length > 0;
    },

    async noteMultipart(reservation, multipartId) {
      const rows = await executor.run(
        db
          .updateTable("uploads")
          .set({ multipart_id: multipartId })
          .where(held(reservation))
          .returning("id")
          .compile(),
      );
      if (rows.length === 0) throw reservationLost();
    },

    async commit(reservation, facts) {
      const now = clock.now();
      const { fingerprint = null } = facts;
      // While its row still says that it is held.
      const keeping =
        fingerprint === null ? [] : [keepKey(reservation, held(reservation), fingerprint, now)];
      const committing = [...changing(reservation, facts, now), selectOf(reservation)] as const;
      const results = await executor.batch([...keeping, ...committing]);
      const [, [changed], [found]] = results.slice(keeping.length) as unknown as RowsOf<
        typeof committing
      >;
      const row = changed ?? found;
      if (row !== undefined && isCommitted(row, facts)) return toUpload(row);
      throw reservationLost();
    },

    async release(reservation, tombstone = null) {
      await executor.batch([
        ...(tombstone === null ? [] : [leaveTombstone(tombstone, held(reservation))]),
        db.deleteFrom("uploads").where(held(reservation)).compile(),
      ]);
    },
  };
}

/** An `uploading` row, where every one of `conditions` is true. */
function insertion(
  upload: NewUpload,
  { holdBytes, leaseUntil, now }: { holdBytes: number; leaseUntil: number; now: number },
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
    held_bytes: holdBytes,
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

/** What a tenant keeps, and something else that is so at the same moment. */
function look<Found>(tenant: TenantId, found: Expression<Found>) {
  return db
    .selectNoFrom([
      kept(tenant, "bytes").as("bytes"),
      kept(tenant, "uploads").as("uploads"),
      sql<Found>`${found}`.as("found"),
    ])
    .compile();
}

/**
 * The reservation as long as nobody has cleaned it up, or taken its key. A lease that has ended unnoticed is
 * still one.
 */
function held(reservation: Reservation): UploadCondition {
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

function changing(reservation: Reservation, facts: CommitFacts, now: number) {
  return change({
    to: facts.process === null ? "stored" : "queued",
    where: held(reservation),
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

function reservationLost(): StowageError {
  return new StowageError(
    "reservation_lost",
    "Cannot finish upload: its reservation was cleaned up meanwhile",
    { retryable: true },
  );
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
 * Whether the commit has happened, now or before: a caller that got no answer asks again, and only the
 * holder of the reservation can have committed it.
 */
function isCommitted(row: UploadRow, facts: CommitFacts): boolean {
  return row.status !== "uploading" && row.status !== "deleting" && row.sha256 === facts.sha256;
}
