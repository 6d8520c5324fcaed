import { StowageError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { CommitFacts, Reservation, UploadRecords } from "../../domain/ports/records.ts";
import { change, type UploadCondition } from "./changes.ts";
import type { SqlExecutor } from "./executor.ts";
import { toUpload } from "./rows.ts";
import { db, type UploadRow } from "./schema.ts";

/** From the first word of an upload to its bytes being durable. */
export function reservations(
  executor: SqlExecutor,
  clock: Clock,
): Pick<UploadRecords, "reserve" | "renewReservation" | "noteMultipart" | "commit" | "release"> {
  return {
    async reserve(upload, leaseUntil) {
      const now = clock.now();
      const { id, tenant, storageId, key } = upload;
      const revision = 1;
      await executor.run(
        db
          .insertInto("uploads")
          .values({
            id,
            tenant,
            storage_id: storageId,
            key,
            revision,
            status: "uploading",
            filename: upload.filename,
            original_filename: upload.originalFilename,
            content_type: upload.contentType,
            created_by: upload.createdBy,
            lease_until: leaseUntil,
            created_at: now,
            updated_at: now,
          })
          .compile(),
      );
      return { id, tenant, storageId, key, revision };
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
      const [, [changed], [found]] = await executor.batch([
        ...committing(reservation, facts, clock.now()),
        selectOf(reservation),
      ]);
      const row = changed ?? found;
      if (row !== undefined && isCommitted(row, facts)) return toUpload(row);
      throw reservationLost();
    },

    async release(reservation) {
      await executor.run(db.deleteFrom("uploads").where(held(reservation)).compile());
    },
  };
}

/** The reservation as long as nobody has cleaned it up. A lease that has ended unnoticed is still one. */
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

function committing(reservation: Reservation, facts: CommitFacts, now: number) {
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
