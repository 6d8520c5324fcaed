import type { ObjectKey } from "../object-key.ts";
import type { TenantId } from "../tenant.ts";
import type { Upload, UploadStatus } from "../upload.ts";
import type { UploadId } from "../upload-id.ts";

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

/** Where somebody who was declared dead may yet write. */
export interface Tombstone {
  readonly storageId: string;
  /** The key of a file, or a folder below `.stowage/`. */
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

/** The part of the records that is about the uploads of all tenants: cleaning up, looking over, moving house. */
export interface UpkeepRecords {
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
  /**
   * Turn uploads whose `expiresAt` has passed into `deleting` ones and return them: at most `limit`, of these
   * storages, from any status but `uploading`.
   */
  collectExpired(limit: number, storageIds: readonly string[]): Promise<readonly Upload[]>;
  /** Forget `Idempotency-Key`s that were committed more than 24 h ago. @returns How many. */
  dropIdempotencyRecords(): Promise<number>;
  /** Tombstones of `storageId`, those that run out first first, beginning after `after`. */
  tombstones(storageId: string, limit: number, after?: Tombstone): Promise<readonly Tombstone[]>;
  /** Forget the tombstones of `storageId` that have run out before `moment`. @returns How many. */
  dropTombstones(storageId: string, moment: number): Promise<number>;

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

  /**
   * Mark the file of an upload as missing in its storage, or clear the mark. Nothing that a caller sees changes:
   * no revision, no time, no event.
   *
   * @returns `false` if nothing has changed: it was marked so already, or the upload is gone or lies elsewhere.
   */
  noteMissing(upload: Upload, isMissing: boolean): Promise<boolean>;
  /** Uploads of a storage whose files are missing, by their ids, beginning after `after`. */
  missingFiles(
    storageId: string,
    page: { readonly limit: number; readonly after: UploadId | null },
  ): Promise<readonly Upload[]>;
  /** How many files are missing, by storage; none for one that has them all. */
  countMissing(): Promise<ReadonlyMap<string, number>>;

  /**
   * A secret of this database: `fresh` if it has none under this name, else the one that it has. All servers
   * on one database get the same.
   */
  secret(name: string, fresh: string): Promise<string>;

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
