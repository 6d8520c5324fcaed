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

/** Which uploads are meant, of every tenant. */
export interface SurveyFilter {
  /** At least one. */
  readonly statuses: readonly UploadStatus[];
  readonly tenant?: TenantId;
  /** Where the bytes lie; without it, anywhere. */
  readonly storageIds?: readonly string[];
  /** Created at or after, at or before; milliseconds since 1970. */
  readonly createdAfter?: number;
  readonly createdBefore?: number;
  /** Processing ended at or after. */
  readonly finishedAfter?: number;
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

/** A key that may yet be written by somebody who was declared dead. */
export interface Tombstone {
  readonly storageId: string;
  readonly key: ObjectKey;
  /** After this nobody can write it any more. */
  readonly until: number;
}

/** A storage that records point to. */
export interface StorageUsage {
  readonly storageId: string;
  /** The URI it was last opened by, secrets masked. */
  readonly display: string;
  readonly uploads: number;
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
export interface UploadRecords {
  /** Insert an `uploading` row whose lease ends at `leaseUntil`. No event: nobody sees it yet. */
  reserve(upload: NewUpload, leaseUntil: number): Promise<Reservation>;
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
  /** Forget a reservation whose bytes are known to be gone. */
  release(reservation: Reservation): Promise<void>;

  /** By id, or by `external_id`; not while `deleting`. `null` for another tenant's, too. */
  find(tenant: TenantId, id: string): Promise<Upload | null>;
  /** Newest first. Nothing that stays is told twice or left out while others come and go. */
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

  /** From anything but `uploading` to `deleting`, fencing out a running job. `null`: there is none. */
  beginDelete(tenant: TenantId, id: UploadId): Promise<Upload | null>;
  /** Remove the row, its results and events; leaves `tombstone` where a late writer is possible. */
  finishDelete(upload: Upload, tombstone: Tombstone | null): Promise<void>;

  /**
   * Queue `processors` on an upload at rest, attempts at 0. One that is queued or running already is left
   * alone and returned with `queued: false`.
   *
   * @returns `null` if there is no such upload.
   * @throws `upload_in_progress` while `uploading`, `upload_conflict` while quarantined.
   */
  requeue(
    tenant: TenantId,
    id: UploadId,
    processors: readonly string[],
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

  /**
   * Turn reservations whose lease has ended into `deleting` rows and return them together with those that
   * an interrupted delete left behind more than `deleteGraceMs` ago. Only those whose bytes lie in
   * `storageIds`: the others are for a server that can remove them.
   */
  collectAbandoned(
    limit: number,
    deleteGraceMs: number,
    storageIds: readonly string[],
  ): Promise<readonly Upload[]>;
  /** Tombstones of `storageId`, oldest first. */
  tombstones(storageId: string, limit: number): Promise<readonly Tombstone[]>;
  /** Forget tombstones that have run out. @returns How many. */
  dropTombstones(): Promise<number>;

  /**
   * Uploads of all tenants by their ids, oldest first, beginning after `after`: for work over everything. One
   * whose status changes meanwhile moves nothing.
   */
  survey(
    filter: SurveyFilter,
    page: { readonly limit: number; readonly after: UploadId | null },
  ): Promise<readonly Upload[]>;
  /** How many uploads there are in each of `filter.statuses`. */
  tally(filter: SurveyFilter): Promise<ReadonlyMap<UploadStatus, number>>;

  /** Remember under which URI a storage was opened. */
  noteStorage(storageId: string, display: string): Promise<void>;
  /** Remove every upload that lies in a storage which is gone for good. @returns How many. */
  dropStorage(storageId: string): Promise<number>;
  /** Every storage that an upload lies in. */
  storageUsage(): Promise<readonly StorageUsage[]>;
  /** Proves that the database answers and takes writes. */
  check(): Promise<void>;
  close(): Promise<void>;
}
