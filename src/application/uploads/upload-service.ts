import { type Body, bodySize } from "../../domain/bytes.ts";
import { verifyDigests } from "../../domain/digest.ts";
import {
  type ErrorCode,
  isStowageError,
  StowageError,
  UploadTooLargeError,
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
import { reserveUpload } from "./quota-reservation.ts";
import { fingerprintOf } from "./request-fingerprint.ts";
import type { TenantLimitsService } from "./tenant-limits-service.ts";
import type { UploadDetails, UploadInput } from "./upload-input.ts";
import { UploadLease } from "./upload-lease.ts";

/** Takes uploads, tells of them and deletes them. */
export class UploadService {
  readonly #records: UploadRecords;
  readonly #storages: Storages;
  readonly #catalog: ProcessorCatalog;
  readonly #queue: JobQueue;
  readonly #clock: Clock;
  readonly #random: RandomSource;
  readonly #logger: Logger;
  readonly #limits: Pick<TenantLimitsService, "of">;
  readonly #hasher: Hasher;
  readonly #leaseMs: number;

  constructor(parts: {
    readonly records: UploadRecords;
    readonly storages: Storages;
    readonly catalog: ProcessorCatalog;
    readonly queue: JobQueue;
    readonly clock: Clock;
    readonly random: RandomSource;
    readonly logger: Logger;
    /** What applies to each tenant. */
    readonly limits: Pick<TenantLimitsService, "of">;
    readonly hasher: Hasher;
    /** How long a reservation lives without a byte. */
    readonly leaseMs: number;
  }) {
    this.#records = parts.records;
    this.#storages = parts.storages;
    this.#catalog = parts.catalog;
    this.#queue = parts.queue;
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#logger = parts.logger;
    this.#limits = parts.limits;
    this.#hasher = parts.hasher;
    this.#leaseMs = parts.leaseMs;
  }

  /**
   * Store one body and record it.
   *
   * @returns The committed upload; its bytes and its record are durable.
   * @throws {UploadTooLargeError} As soon as the tenant's limit is passed.
   * @throws {StowageError} `quota_exceeded`, `idempotency_key_in_use`, `invalid_filename`, `digest_mismatch`,
   *   `unsupported_media_type` for a type that is not accepted, `body_incomplete`, `request_aborted`,
   *   `storage_*`, `records_*`, and whatever `details` rejects with. After any error nothing is kept, at the
   *   latest once the reconciler has run.
   */
  async upload(input: UploadInput): Promise<Upload> {
    const filename = parseFilename(input.originalFilename);
    const limits = await this.#limits.of(input.tenant);
    // Before anything is reserved or read, where the length is known.
    if ((bodySize(input.body) ?? 0) > limits.maxUploadBytes) {
      throw new UploadTooLargeError(limits.maxUploadBytes);
    }
    const { reservation, body } = await this.#reserve(input, filename, limits);
    const lease = new UploadLease(this.#records, reservation, this.#leaseMs, this.#clock);
    let multipartId: string | null = null;
    let saved: SavedFile;
    let details: UploadDetails;
    try {
      saved = await this.#storages.primary.save(reservation.key, body, {
        declaredType: input.declaredType,
        filename,
        limitBytes: limits.maxUploadBytes,
        allowedTypes: limits.allowedContentTypes,
        digests: input.digests,
        onProgress: lease.onProgress,
        onMultipart: async (id) => {
          multipartId = id;
          await this.#records.noteMultipart(reservation, id);
        },
        signal: lease.over(input.signal),
      });
      details = await input.details();
      verifyDigests(details.digests ?? [], new Map([["sha256", saved.sha256]]));
    } catch (error) {
      await this.#undo(reservation, multipartId, error);
      throw lease.lost ? reservationLost(error) : error;
    } finally {
      lease.stop();
    }
    return await this.#commit(reservation, saved, input, details, limits);
  }

  /** @throws {StowageError} `upload_not_found`, for another tenant's upload as for a missing one. */
  async get(tenant: TenantId, id: string): Promise<Upload> {
    const upload = await this.#records.find(tenant, id);
    if (upload === null) throw uploadNotFound();
    return upload;
  }

  /** One page of the tenant's uploads, newest first. */
  async list(
    tenant: TenantId,
    filter: ListFilter,
    page: { readonly limit: number; readonly after: ListPosition | null },
  ): Promise<{ readonly uploads: readonly Upload[]; readonly next: ListPosition | null }> {
    return await this.#records.list(tenant, filter, page);
  }

  /**
   * Delete an upload: bytes, derived data and record. It reads as missing from the first moment on.
   *
   * @param permit Throws if it may not be deleted as it is; asked again if it has changed meanwhile.
   * @throws {StowageError} `upload_not_found`, `upload_in_progress`, whatever `permit` throws; `storage_*` if
   *   its bytes cannot be removed now: the reconciler goes on with it.
   */
  async delete(tenant: TenantId, id: string, permit?: (upload: Upload) => void): Promise<void> {
    let upload: Upload | null = null;
    do {
      const found = await this.get(tenant, id);
      if (found.status === "uploading") throw uploadInProgress();
      permit?.(found);
      upload = await this.#records.beginDelete(tenant, found.id, permit ? found.revision : null);
      if (upload === null && permit === undefined) throw uploadNotFound();
    } while (upload === null);
    const now = this.#clock.now();
    await eraseBytes(this.#storages.byId(upload.storageId), upload, now);
    await this.#records.finishDelete(upload, tombstoneOf(upload, now));
    this.#logger.info("upload.deleted", { uploadId: upload.id, tenantId: tenant });
  }

  /** What is known of the length is counted against the quota here, the rest as it comes. */
  async #reserve(
    input: UploadInput,
    filename: Filename,
    limits: TenantLimits,
  ): Promise<{ readonly reservation: Reservation; readonly body: Body }> {
    const now = this.#clock.now();
    const id = newUploadId(now, this.#random);
    const upload: NewUpload = {
      id,
      tenant: input.tenant,
      storageId: this.#storages.primary.id,
      key: buildObjectKey({ tenant: input.tenant, uploadId: id, filename }),
      filename,
      originalFilename: input.originalFilename,
      contentType: findMediaType(input.declaredType) ?? UNKNOWN_MEDIA_TYPE,
      createdBy: input.createdBy,
    };
    return await reserveUpload(this.#records, upload, input, {
      leaseUntil: now + this.#leaseMs,
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
    const processors = wanted ? this.#catalog.accepting(saved.contentType) : [];
    const keyed = input.idempotencyKey !== undefined;
    try {
      const upload = await this.#records.commit(reservation, {
        sizeBytes: saved.sizeBytes,
        sha256: saved.sha256,
        contentType: saved.contentType,
        metadata: details.metadata,
        expiresAt: details.expiresAt ?? null,
        fingerprint: keyed ? fingerprintOf(input, details, this.#hasher) : null,
        process: processors.length > 0 ? processors : null,
      });
      if (upload.status === "queued") this.#queue.wake();
      return upload;
    } catch (error) {
      // Any other failure may hide a commit that did happen: its bytes are left to the reconciler, which
      // removes them only under an expired reservation.
      if (isStowageError(error, "reservation_lost")) await this.#undo(reservation, null, error);
      throw error;
    }
  }

  /**
   * Remove what an upload that failed may have left: also the parts, whose driver has tried but may have
   * failed over the same trouble. What cannot be removed now, the reconciler will: it finds the row.
   */
  async #undo(reservation: Reservation, multipartId: string | null, cause: unknown): Promise<void> {
    const { storageId, key } = reservation;
    // Not the upload's own signal, which may be why it failed.
    const signal = AbortSignal.timeout(UNDO_MS);
    try {
      const storage = this.#storages.byId(storageId);
      if (multipartId !== null) await storage.abortMultipart(key, multipartId, { signal });
      await storage.delete([key], { signal });
      const undecided = storage.mayWriteLate && isStowageError(cause) && UNDECIDED.has(cause.code);
      const now = this.#clock.now();
      await this.#records.release(reservation, undecided ? tombstoneAt(reservation, now) : null);
    } catch (error) {
      this.#logger.warn("upload.undo_deferred", { uploadId: reservation.id, error });
    }
  }
}

/** After these a request may still be on its way to the storage, and arrive behind the one that deletes. */
const UNDECIDED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "request_aborted",
  "storage_timeout",
  "storage_unavailable",
]);

/** The caller waits for his answer while it is cleaned up. */
const UNDO_MS = 5_000;

export function uploadNotFound(): StowageError {
  return new StowageError("upload_not_found", "Cannot find upload: there is none with this id");
}

export function uploadInProgress(): StowageError {
  return new StowageError("upload_in_progress", "Cannot do this yet: the upload is still arriving");
}

function reservationLost(cause: unknown): StowageError {
  return new StowageError(
    "reservation_lost",
    "Cannot finish upload: it stood still for too long and was cleaned up",
    { cause, retryable: true },
  );
}
