import { type Body, bodySize } from "../../domain/bytes.ts";
import { verifyDigests } from "../../domain/digest.ts";
import {
  assertUploadSize,
  type ErrorCode,
  isStowageError,
  StowageError,
} from "../../domain/errors.ts";
import { type Filename, parseFilename } from "../../domain/filename.ts";
import { findMediaType, UNKNOWN_MEDIA_TYPE } from "../../domain/media-type.ts";
import { buildObjectKey } from "../../domain/object-key.ts";
import type { Clock, RandomSource } from "../../domain/ports/clock.ts";
import type { Hasher } from "../../domain/ports/hasher.ts";
import type { JobQueue } from "../../domain/ports/job-queue.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type {
  ListFilter,
  ListPosition,
  NewUpload,
  Reservation,
  UploadRecords,
} from "../../domain/ports/records.ts";
import type { TenantId } from "../../domain/tenant.ts";
import type { TenantLimits } from "../../domain/tenant-limits.ts";
import type { Upload } from "../../domain/upload.ts";
import { newUploadId } from "../../domain/upload-id.ts";
import type { ProcessorCatalog } from "../processing/processor-catalog.ts";
import type { SavedFile } from "../storages/file-storage-options.ts";
import type { Storages } from "../storages/storages.ts";
import { eraseBytes, tombstoneAt, tombstoneOf } from "./erase.ts";
import { requireStored, requireUpload, retryOnConflict, uploadNotFound } from "./find-upload.ts";
import { reserveUpload } from "./quota-reservation.ts";
import { fingerprintOf } from "./request-fingerprint.ts";
import type { TenantLimitsService } from "./tenant-limits-service.ts";
import type { UploadDetails, UploadInput } from "./upload-input.ts";
import { UploadLease } from "./upload-lease.ts";

interface UploadServiceDeps {
  readonly records: UploadRecords;
  readonly storages: Storages;
  readonly catalog: ProcessorCatalog;
  readonly queue: JobQueue;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logger: Logger;
  /** The limits of each tenant. */
  readonly limits: Pick<TenantLimitsService, "of">;
  readonly hasher: Hasher;
  /** How long a reservation lives while no byte arrives. */
  readonly leaseMs: number;
}

/** Stores, finds, lists and deletes uploads. */
export class UploadService {
  readonly #deps: UploadServiceDeps;

  constructor(deps: UploadServiceDeps) {
    this.#deps = Object.freeze({ ...deps });
  }

  /**
   * Store one body and record it.
   *
   * @returns The committed upload; its bytes and its record are durable.
   * @throws {UploadTooLargeError} As soon as the tenant's limit is passed.
   * @throws {StowageError} `quota_exceeded`, `idempotency_key_in_use`, `invalid_filename`, `digest_mismatch`,
   *   `unsupported_media_type` for a type that is not accepted, `body_incomplete`, `request_aborted`,
   *   `storage_*`, `records_*`, and whatever `details` rejects with. After an error nothing is kept. What cannot
   *   be removed at once, the reconciler removes.
   */
  async upload(input: UploadInput): Promise<Upload> {
    const filename = parseFilename(input.originalFilename);
    const limits = input.limits ?? (await this.#deps.limits.of(input.tenant));
    // If the length is known, refuse it before anything is reserved or read.
    assertUploadSize(bodySize(input.body) ?? 0, limits.maxUploadBytes);
    const { reservation, body } = await this.#reserve(input, filename, limits);
    const { records, clock, leaseMs } = this.#deps;
    const lease = new UploadLease({ records, reservation, clock, leaseMs });
    const write: Write = { begun: false, multipartId: null };
    let saved: SavedFile;
    let details: UploadDetails;
    try {
      saved = await this.#deps.storages.primary.save(reservation.key, body, {
        declaredType: input.declaredType,
        filename,
        limitBytes: limits.maxUploadBytes,
        allowedTypes: limits.allowedContentTypes,
        digests: input.digests,
        onProgress: lease.onProgress,
        onPut: () => {
          write.begun = true;
        },
        onMultipart: async (id) => {
          write.multipartId = id;
          await records.noteMultipart(reservation, id);
        },
        signal: lease.over(input.signal),
      });
      details = await input.details();
      verifyDigests(details.digests ?? [], new Map([["sha256", saved.sha256]]));
    } catch (error) {
      await this.#undo(reservation, write, error);
      throw lease.lost ? reservationLost(error) : error;
    } finally {
      lease.stop();
    }
    return await this.#commit(reservation, saved, input, details, limits);
  }

  /** @throws {StowageError} `upload_not_found`, also for an upload of another tenant. */
  async get(tenant: TenantId, id: string): Promise<Upload> {
    return await requireUpload(this.#deps.records, tenant, id);
  }

  /** One page of the tenant's uploads, newest first. */
  async list(
    tenant: TenantId,
    filter: ListFilter,
    page: { readonly limit: number; readonly after: ListPosition | null },
  ): Promise<{ readonly uploads: readonly Upload[]; readonly next: ListPosition | null }> {
    return await this.#deps.records.list(tenant, filter, page);
  }

  /**
   * Delete an upload: its bytes, its texts and its record. It cannot be found from the start of the call.
   *
   * @param permit Throws to refuse the upload in its current state. Called again if it has changed meanwhile.
   * @throws {StowageError} `upload_not_found`, `upload_in_progress`, whatever `permit` throws, `upload_conflict` if
   *   it keeps changing; `storage_*` if its bytes cannot be removed now: the reconciler continues later.
   */
  async delete(tenant: TenantId, id: string, permit?: (upload: Upload) => void): Promise<void> {
    const { records, storages, clock, logger } = this.#deps;
    const upload = await retryOnConflict(async () => {
      const found = await requireStored(records, tenant, id);
      permit?.(found);
      const deleted = await records.beginDelete(tenant, found.id, permit ? found.revision : null);
      if (deleted === null && permit === undefined) throw uploadNotFound();
      return deleted;
    });
    const now = clock.now();
    await eraseBytes(storages.byId(upload.storageId), upload, now);
    await records.finishDelete(upload, tombstoneOf(upload, now));
    logger.info("upload.deleted", { uploadId: upload.id, tenantId: tenant });
  }

  /** Counts the known length against the quota now, the rest as it arrives. */
  async #reserve(
    input: UploadInput,
    filename: Filename,
    limits: TenantLimits,
  ): Promise<{ readonly reservation: Reservation; readonly body: Body }> {
    const now = this.#deps.clock.now();
    const id = newUploadId(now, this.#deps.random);
    const upload: NewUpload = {
      id,
      tenant: input.tenant,
      storageId: this.#deps.storages.primary.id,
      key: buildObjectKey({ tenant: input.tenant, uploadId: id, filename }),
      filename,
      originalFilename: input.originalFilename,
      contentType: findMediaType(input.declaredType) ?? UNKNOWN_MEDIA_TYPE,
      createdBy: input.createdBy,
    };
    return await reserveUpload(this.#deps.records, upload, input, {
      leaseUntil: now + this.#deps.leaseMs,
      maxBytes: limits.maxUploadBytes,
      quota: { bytes: limits.quotaBytes, uploads: limits.quotaUploads },
    });
  }

  async #commit(
    reservation: Reservation,
    saved: SavedFile,
    input: UploadInput,
    details: UploadDetails,
    limits: TenantLimits,
  ): Promise<Upload> {
    const wanted = details.autoProcess ?? limits.autoProcess;
    const processors = wanted ? this.#deps.catalog.accepting(saved.contentType) : [];
    const keyed = input.idempotencyKey !== undefined;
    try {
      const upload = await this.#deps.records.commit(reservation, {
        sizeBytes: saved.sizeBytes,
        sha256: saved.sha256,
        contentType: saved.contentType,
        metadata: details.metadata,
        expiresAt: details.expiresAt ?? null,
        fingerprint: keyed ? fingerprintOf(input, details, this.#deps.hasher) : null,
        process: processors.length > 0 ? processors : null,
      });
      if (upload.status === "queued") this.#deps.queue.wake();
      return upload;
    } catch (error) {
      // After any other error the commit may have happened. Leave the bytes to the reconciler, which removes them
      // only if the reservation expires.
      if (isStowageError(error, "reservation_lost")) {
        await this.#undo(reservation, { begun: true, multipartId: null }, error);
      }
      throw error;
    }
  }

  /**
   * Remove what a failed upload may have left, and its row. If nothing was written, the storage is not needed: it may be
   * the reason of the failure. What cannot be removed now, the reconciler removes later: the row is still there.
   */
  async #undo(reservation: Reservation, write: Write, cause: unknown): Promise<void> {
    try {
      const mayArrive = write.begun && (await this.#removeBytes(reservation, write, cause));
      const tombstone = mayArrive ? tombstoneAt(reservation, this.#deps.clock.now()) : null;
      await this.#deps.records.release(reservation, tombstone);
    } catch (error) {
      this.#deps.logger.warn("upload.undo_deferred", { uploadId: reservation.id, error });
    }
  }

  /**
   * Includes the parts of a multipart upload: the driver may have failed to remove them.
   *
   * @returns Whether bytes may still arrive after this.
   */
  async #removeBytes(
    { storageId, key }: Reservation,
    { multipartId }: Write,
    cause: unknown,
  ): Promise<boolean> {
    // Not the upload's own signal: it may be aborted.
    const signal = AbortSignal.timeout(UNDO_MS);
    const storage = this.#deps.storages.byId(storageId);
    if (multipartId !== null) await storage.abortMultipart(key, multipartId, { signal });
    await storage.delete([key], { signal });
    return storage.mayWriteLate && isStowageError(cause) && UNDECIDED.has(cause.code);
  }
}

/** How far the write of an upload got. */
interface Write {
  /** Whether the driver was asked to store the body. */
  begun: boolean;
  multipartId: string | null;
}

/** After these errors, a write may still be on its way and arrive after the delete. */
const UNDECIDED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "request_aborted",
  "storage_timeout",
  "storage_unavailable",
]);

/** The caller waits for the response meanwhile. */
const UNDO_MS = 5_000;

function reservationLost(cause: unknown): StowageError {
  return new StowageError(
    "reservation_lost",
    "Cannot finish upload: no data arrived for too long, and its reservation has expired",
    { cause, retryable: true },
  );
}
