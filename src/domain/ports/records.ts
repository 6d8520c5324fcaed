import type { Filename } from "../filename.ts";
import type { ObjectKey } from "../object-key.ts";
import type { TenantId } from "../tenant.ts";
import type {
  ProcessingError,
  ProcessorResult,
  Upload,
  UploadEvent,
  UploadStatus,
} from "../upload.ts";
import type { UploadId } from "../upload-id.ts";
import type { Tombstone, UpkeepRecords } from "./upkeep-records.ts";

/** An upload before its bytes have arrived. */
export interface NewUpload {
  readonly id: UploadId;
  readonly tenant: TenantId;
  readonly storageId: string;
  readonly key: ObjectKey;
  readonly filename: Filename;
  readonly originalFilename: string;
  /** As declared. `commit` sets the final type. */
  readonly contentType: string;
  readonly createdBy: string;
}

/** The quota of a tenant; `null`: no limit. */
export interface Quota {
  readonly bytes: number | null;
  readonly uploads: number | null;
}

/** The usage of a tenant, including uploads that are arriving or being deleted. */
export interface Usage {
  readonly bytes: number;
  readonly uploads: number;
}

/** The conditions of a reservation. */
export interface ReservationTerms {
  /** Bytes to count now: the length if it is known, otherwise what may arrive before `reserveQuota` asks for more. */
  readonly reserveBytes?: number | undefined;
  readonly quota?: Quota | undefined;
  /** The caller's `Idempotency-Key`. At most one upload of a tenant has it. */
  readonly idempotencyKey?: string | undefined;
}

/** The upload that belongs to an `Idempotency-Key`. It may still be arriving. */
export interface IdempotencyRecord {
  readonly uploadId: UploadId;
  /** `null` if it was deleted. While it is `uploading`, it is not committed. */
  readonly upload: Upload | null;
  /** What `commit` stored to recognize the request; `null` before. */
  readonly fingerprint: string | null;
  /** When the key becomes free if the reservation is not renewed; `null` once it is committed. */
  readonly leaseUntil: number | null;
}

/** The right to finish one upload while its lease lasts. */
export interface Reservation {
  readonly id: UploadId;
  readonly tenant: TenantId;
  readonly storageId: string;
  readonly key: ObjectKey;
  readonly revision: number;
}

/** An upload whose bytes are durable. */
export interface CommitFacts {
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly expiresAt: number | null;
  /** Identifies the request among others with the same `Idempotency-Key`; `null` without a key. */
  readonly fingerprint?: string | null | undefined;
  /** Processors to run now, or `null` to leave the upload `stored`. */
  readonly process: readonly string[] | null;
}

export interface ListFilter {
  /** Default: every status except `uploading`. */
  readonly status?: UploadStatus | undefined;
  /** Prefix of the filename, compared exactly. */
  readonly filenamePrefix?: string | undefined;
  /** Created at or after, at or before; milliseconds since 1970. */
  readonly createdAfter?: number | undefined;
  readonly createdBefore?: number | undefined;
}

/** The end of a page. */
export interface ListPosition {
  readonly createdAt: number;
  readonly id: UploadId;
}

/** A claimed job: run the processors on one upload. */
export interface Job {
  readonly upload: Upload;
  /** The fence: unique for every claim, and invalid once another worker has claimed the job. */
  readonly leaseToken: string;
  /** The processors to run. */
  readonly processors: readonly string[];
  /** 1 for the first attempt. Counted before the document is parsed. */
  readonly attempt: number;
}

/** The end of a job. Written in one batch with its results. */
export interface JobOutcome {
  readonly status: "processed" | "failed";
  readonly error: ProcessingError | null;
  readonly results: readonly ProcessorResult[];
}

/**
 * The records: the state of all uploads, and the work that is still to do.
 *
 * Every method is one atomic operation. A change and its event are written together or not at all. Every change compares
 * the previous state (`revision` or a lease); if it differs, nothing changes and the result says so. When a method
 * resolves, the change survives a power failure. Database errors are `records_unavailable` or `records_full`, both
 * retryable; then the change may or may not have happened.
 */
export interface UploadRecords extends UpkeepRecords {
  /**
   * Insert an `uploading` row whose lease ends at `leaseUntil`. There is no event, because the upload is not visible yet.
   * If the key belongs to a reservation whose lease has ended, that reservation is lost.
   *
   * @throws `quota_exceeded`, exact even with concurrent reservations; `idempotency_key_in_use` if another upload has
   *   the key (see `findIdempotencyRecord`). Nothing is inserted then.
   */
  reserve(upload: NewUpload, leaseUntil: number, terms?: ReservationTerms): Promise<Reservation>;
  /**
   * Reserve `bytes` in total for a reservation of unknown length. Never reserves less than before.
   *
   * @throws `quota_exceeded` (the reserved bytes stay reserved), `reservation_lost`.
   */
  reserveQuota(reservation: Reservation, bytes: number, quota: Quota): Promise<void>;
  /**
   * The upload of an `Idempotency-Key`, until 24 h after its commit; `null` if the key is free. A key whose reservation
   * has expired is free, even before clean-up.
   */
  findIdempotencyRecord(
    tenant: TenantId,
    idempotencyKey: string,
  ): Promise<IdempotencyRecord | null>;
  /** @returns `false` if the reservation is lost. */
  renewReservation(reservation: Reservation, leaseUntil: number): Promise<boolean>;
  /**
   * Store the id of the multipart upload of a reservation. `commit` clears it.
   *
   * @throws `reservation_lost` if it was cleaned up: abort the multipart upload.
   */
  noteMultipart(reservation: Reservation, multipartId: string): Promise<void>;
  /**
   * Turn the reservation into a `stored` or `queued` upload.
   *
   * @throws `reservation_lost` if it was cleaned up: remove the bytes.
   */
  commit(reservation: Reservation, facts: CommitFacts): Promise<Upload>;
  /**
   * Remove a reservation whose bytes were removed, and free its `Idempotency-Key`. Pass a `tombstone` if a late writer
   * is possible.
   */
  release(reservation: Reservation, tombstone?: Tombstone | null): Promise<void>;
  /** The usage of a tenant. Costs no counting. */
  usage(tenant: TenantId): Promise<Usage>;

  /**
   * Change an upload that is not `uploading`. Its revision grows. There is no event, because the status stays.
   *
   * @param revision Change only this revision; `null`: any.
   * @returns `null` if the upload does not exist or has another revision.
   */
  update(
    tenant: TenantId,
    id: UploadId,
    changes: {
      readonly metadata?: Readonly<Record<string, unknown>> | undefined;
      readonly expiresAt?: number | null | undefined;
    },
    revision: number | null,
  ): Promise<Upload | null>;

  /**
   * Find an upload by id or `external_id`. `null` if it is `deleting`, expired, or belongs to another tenant.
   */
  find(tenant: TenantId, id: string): Promise<Upload | null>;
  /** Newest first, without expired uploads. Concurrent changes neither repeat nor skip other uploads. */
  list(
    tenant: TenantId,
    filter: ListFilter,
    page: { readonly limit: number; readonly after: ListPosition | null },
  ): Promise<{ readonly uploads: readonly Upload[]; readonly next: ListPosition | null }>;
  /** The events after revision `after`, in order. Includes `deleting`. */
  events(
    tenant: TenantId,
    id: UploadId,
    after: number,
    limit: number,
  ): Promise<readonly UploadEvent[]>;
  /** The revisions of uploads of any tenant. Leaves out those that are gone or `deleting`. */
  revisions(ids: readonly UploadId[]): Promise<ReadonlyMap<UploadId, number>>;
  /** The latest result of every processor that has run, by name. */
  results(tenant: TenantId, id: UploadId): Promise<readonly ProcessorResult[]>;

  /**
   * Change an upload that is not `uploading` to `deleting`, and fence out a running job.
   *
   * @param revision As for `update`.
   * @returns `null` if the upload does not exist or has another revision.
   */
  beginDelete(tenant: TenantId, id: UploadId, revision?: number | null): Promise<Upload | null>;
  /** Remove the row, its results and events. Pass a `tombstone` if a late writer is possible. */
  finishDelete(upload: Upload, tombstone: Tombstone | null): Promise<void>;

  /**
   * Queue a settled upload for `processors`, with 0 attempts. An upload that is queued or running already is returned
   * unchanged with `queued: false`.
   *
   * @param revision As for `update`; an upload with another revision is returned unchanged, too.
   * @returns `null` if the upload does not exist.
   * @throws `upload_in_progress` while `uploading`, `upload_conflict` while quarantined.
   */
  requeue(
    tenant: TenantId,
    id: UploadId,
    processors: readonly string[],
    revision?: number | null,
  ): Promise<{ readonly upload: Upload; readonly queued: boolean } | null>;

  /**
   * Claim a job that is queued and due, or running under an expired lease. Tenants take turns. Within a tenant, the job
   * that has waited longest comes first.
   *
   * @param storageIds The storages that this server has open. Other servers may have others.
   */
  claim(leaseToken: string, leaseUntil: number, storageIds: readonly string[]): Promise<Job | null>;
  /** @returns `false` if the job is lost: stop, and write nothing. */
  renewJob(job: Job, leaseUntil: number): Promise<boolean>;
  /** Write results and status. @returns The upload, or `null` if fenced out (nothing was written). */
  finishJob(job: Job, outcome: JobOutcome): Promise<Upload | null>;
  /**
   * Queue the job again, due at `runAfter`. `error` stays visible.
   *
   * @param counts Whether the attempt counts. It does not if the document itself was not processed.
   * @returns `false` if fenced out.
   */
  retryJob(job: Job, runAfter: number, error: ProcessingError, counts?: boolean): Promise<boolean>;
  /** Return an unfinished job as if it had not been claimed (shutdown). */
  handBackJob(job: Job): Promise<void>;
  /** When the next job of these storages is due, or `null` if none waits; milliseconds since 1970. */
  nextJobAt(storageIds: readonly string[]): Promise<number | null>;
}
