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

/** What is known of an upload before its bytes. */
export interface NewUpload {
  readonly id: UploadId;
  readonly tenant: TenantId;
  readonly storageId: string;
  readonly key: ObjectKey;
  readonly filename: Filename;
  readonly originalFilename: string;
  /** As declared; `commit` says what it is. */
  readonly contentType: string;
  readonly createdBy: string;
}

/** What a tenant may keep; `null`: no limit. */
export interface Quota {
  readonly bytes: number | null;
  readonly uploads: number | null;
}

/** What a tenant keeps, uploads that are arriving or being deleted included. */
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
  /** `null` once it has been deleted. One that is `uploading` has not been committed. */
  readonly upload: Upload | null;
  /** What `commit` stored to recognize the request; `null` before. */
  readonly fingerprint: string | null;
  /** When the key becomes free if the reservation is not renewed; `null` once it is committed. */
  readonly leaseUntil: number | null;
}

/** The right to finish one upload, for as long as its lease lasts. */
export interface Reservation {
  readonly id: UploadId;
  readonly tenant: TenantId;
  readonly storageId: string;
  readonly key: ObjectKey;
  readonly revision: number;
}

/** What is known once the bytes are durable. */
export interface CommitFacts {
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly expiresAt: number | null;
  /** What tells this request from another under the same `Idempotency-Key`; `null` only without a key. */
  readonly fingerprint?: string | null;
  /** Processors to run now, or `null` to let the upload rest as `stored`. */
  readonly process: readonly string[] | null;
}

export interface ListFilter {
  /** Without it: every status but `uploading`. */
  readonly status?: UploadStatus;
  /** Beginning of the filename, compared exactly. */
  readonly filenamePrefix?: string;
  /** Created at or after, at or before; milliseconds since 1970. */
  readonly createdAfter?: number;
  readonly createdBefore?: number;
}

/** Where a page ended. */
export interface ListPosition {
  readonly createdAt: number;
  readonly id: UploadId;
}

/** One claimed run of the processors of one upload. */
export interface Job {
  readonly upload: Upload;
  /** The fence: unique for every claim, and worthless as soon as somebody else has claimed. */
  readonly leaseToken: string;
  /** The processors to run, as asked for. */
  readonly processors: readonly string[];
  /** 1 for the first try. Counted before anything is parsed. */
  readonly attempt: number;
}

/** How a job ended, written in one batch with its results. */
export interface JobOutcome {
  readonly status: "processed" | "failed";
  readonly error: ProcessingError | null;
  readonly results: readonly ProcessorResult[];
}

/**
 * The records: what the service knows about uploads, and what must still be done.
 *
 * Every method is one atomic operation; a change and its event are written together or not at all. Nothing
 * changes a record without comparing what it was (`revision`, a lease): a method whose comparison fails
 * says so in its result and has changed nothing. When a method resolves, the change survives a power cut.
 * Trouble with the database throws `records_unavailable` or `records_full`, both retryable; after either
 * the change may or may not have happened.
 */
export interface UploadRecords extends UpkeepRecords {
  /**
   * Insert an `uploading` row whose lease ends at `leaseUntil`. No event: nobody sees it yet. A key of another
   * reservation whose lease has ended is taken from it, and that one is lost.
   *
   * @throws `quota_exceeded` if the tenant keeps, or holds, too much: exact, whoever else reserves meanwhile;
   *   `idempotency_key_in_use` if another upload has the key (see `findIdempotencyRecord`). Nothing is inserted then.
   */
  reserve(upload: NewUpload, leaseUntil: number, terms?: ReservationTerms): Promise<Reservation>;
  /**
   * Count `bytes` in all for a reservation whose length was not known, or less than has come.
   *
   * @throws `quota_exceeded` (what was held stays held), `reservation_lost`.
   */
  reserveQuota(reservation: Reservation, bytes: number, quota: Quota): Promise<void>;
  /**
   * The upload of an `Idempotency-Key`, for 24 h from its commit on; `null` for a key that is free. A lease
   * that has ended keeps none, whoever cleans up when.
   */
  findIdempotencyRecord(
    tenant: TenantId,
    idempotencyKey: string,
  ): Promise<IdempotencyRecord | null>;
  /** @returns `false` if the reservation is lost. */
  renewReservation(reservation: Reservation, leaseUntil: number): Promise<boolean>;
  /**
   * Keep the id of the multipart upload that the put of a reservation has begun; `commit` forgets it.
   *
   * @throws `reservation_lost` if somebody has cleaned it up: the caller aborts its multipart upload.
   */
  noteMultipart(reservation: Reservation, multipartId: string): Promise<void>;
  /**
   * Turn the reservation into a `stored` or `queued` upload.
   *
   * @throws `reservation_lost` if somebody has cleaned it up: the caller removes its bytes.
   */
  commit(reservation: Reservation, facts: CommitFacts): Promise<Upload>;
  /**
   * Forget a reservation whose bytes are gone, and free its `Idempotency-Key`; leaves `tombstone` where a late
   * writer is possible.
   */
  release(reservation: Reservation, tombstone?: Tombstone | null): Promise<void>;
  /** What a tenant keeps. Known without counting. */
  usage(tenant: TenantId): Promise<Usage>;

  /**
   * Change what callers may change of an upload that is not `uploading`. Its revision grows; it is no event,
   * since its status stays.
   *
   * @param revision Only if it is still this one; `null`: whichever it is.
   * @returns `null` if there is no such upload, or its revision is another.
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
   * By id, or by `external_id`; neither `deleting` nor expired ones. `null` for another tenant's, too.
   */
  find(tenant: TenantId, id: string): Promise<Upload | null>;
  /** Newest first, without expired ones. Nothing that stays is told twice or left out while others come and go. */
  list(
    tenant: TenantId,
    filter: ListFilter,
    page: { readonly limit: number; readonly after: ListPosition | null },
  ): Promise<{ readonly uploads: readonly Upload[]; readonly next: ListPosition | null }>;
  /** In their order, from the first one whose revision is greater than `after`. Goes on while `deleting`. */
  events(
    tenant: TenantId,
    id: UploadId,
    after: number,
    limit: number,
  ): Promise<readonly UploadEvent[]>;
  /** At which revisions uploads are, of whatever tenant. Those that are gone, or `deleting`, are left out. */
  revisions(ids: readonly UploadId[]): Promise<ReadonlyMap<UploadId, number>>;
  /** The latest result of every processor that has run, by name. */
  results(tenant: TenantId, id: UploadId): Promise<readonly ProcessorResult[]>;

  /**
   * From anything but `uploading` to `deleting`, fencing out a running job.
   *
   * @param revision As for `update`.
   * @returns `null` if there is none, or its revision is another.
   */
  beginDelete(tenant: TenantId, id: UploadId, revision?: number | null): Promise<Upload | null>;
  /** Remove the row, its results and events; leaves `tombstone` where a late writer is possible. */
  finishDelete(upload: Upload, tombstone: Tombstone | null): Promise<void>;

  /**
   * Queue `processors` on an upload at rest, attempts at 0. One that is queued or running already is left
   * alone and returned with `queued: false`.
   *
   * @param revision As for `update`; one that is at another is left alone, too.
   * @returns `null` if there is no such upload.
   * @throws `upload_in_progress` while `uploading`, `upload_conflict` while quarantined.
   */
  requeue(
    tenant: TenantId,
    id: UploadId,
    processors: readonly string[],
    revision?: number | null,
  ): Promise<{ readonly upload: Upload; readonly queued: boolean } | null>;

  /**
   * Take a job: queued and due, or running under a lease that has ended. Tenants take turns, whatever
   * each of them has waiting; a tenant's own jobs go by how long they have waited.
   *
   * @param storageIds Where its bytes may lie: other servers may know other storages, and have its try.
   */
  claim(leaseToken: string, leaseUntil: number, storageIds: readonly string[]): Promise<Job | null>;
  /** @returns `false` if the job is no longer ours: stop, and write nothing. */
  renewJob(job: Job, leaseUntil: number): Promise<boolean>;
  /** Write results and status. @returns The upload, or `null` if fenced out (nothing was written). */
  finishJob(job: Job, outcome: JobOutcome): Promise<Upload | null>;
  /**
   * Back to `queued`, due at `runAfter`, keeping `error` to be seen.
   *
   * @param counts Whether the attempt counts: not where nothing was tried with the document itself.
   * @returns `false` if fenced out.
   */
  retryJob(job: Job, runAfter: number, error: ProcessingError, counts?: boolean): Promise<boolean>;
  /** Give an unfinished job back as if it had not been claimed (shutdown). */
  handBackJob(job: Job): Promise<void>;
  /** When the next job of these storages is due, or `null` if none waits; milliseconds since 1970. */
  nextJobAt(storageIds: readonly string[]): Promise<number | null>;
}
