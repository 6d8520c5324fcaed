import type { ObjectKey } from "../object-key.ts";
import type { TenantId } from "../tenant.ts";
import type { Upload, UploadStatus } from "../upload.ts";
import type { UploadId } from "../upload-id.ts";

/** Selects uploads of all tenants. */
export interface SurveyFilter {
  /** At least one. */
  readonly statuses: readonly UploadStatus[];
  readonly tenant?: TenantId | undefined;
  /** The storages of the files. Default: any. */
  readonly storageIds?: readonly string[] | undefined;
  /** Created at or after, at or before; milliseconds since 1970. */
  readonly createdAfter?: number | undefined;
  readonly createdBefore?: number | undefined;
  /** Processing ended at or after. */
  readonly finishedAfter?: number | undefined;
}

/** A place where a writer that lost its lease may still write. */
export interface Tombstone {
  readonly storageId: string;
  /** The key of a file, or a folder below `.stowage/`. */
  readonly key: ObjectKey;
  /** After this, late writes are no longer expected. */
  readonly until: number;
}

/** A storage that records point to. */
export interface StorageUsage {
  readonly storageId: string;
  /** The URI it was last opened by, secrets masked. */
  readonly display: string;
  readonly uploads: number;
}

/** The part of the records for maintenance across all tenants. */
export interface UpkeepRecords {
  /**
   * Turn expired reservations into `deleting` rows, and return them together with deletes that were interrupted more
   * than `deleteGraceMs` ago. Only uploads in `storageIds`: this server must be able to remove their bytes.
   */
  collectAbandoned(
    limit: number,
    deleteGraceMs: number,
    storageIds: readonly string[],
  ): Promise<readonly Upload[]>;
  /**
   * Turn expired uploads of these storages into `deleting` ones and return them, at most `limit`. Leaves out
   * `uploading`.
   */
  collectExpired(limit: number, storageIds: readonly string[]): Promise<readonly Upload[]>;
  /** Remove `Idempotency-Key`s that were committed more than 24 h ago. @returns How many. */
  dropIdempotencyRecords(): Promise<number>;
  /** Tombstones of `storageId` by expiry, after `after`. */
  tombstones(storageId: string, limit: number, after?: Tombstone): Promise<readonly Tombstone[]>;
  /** Remove the tombstones of `storageId` that expired before `moment`. @returns How many. */
  dropTombstones(storageId: string, moment: number): Promise<number>;

  /**
   * Uploads of all tenants by id, oldest first, after `after`. Concurrent changes of status do not shift the pages.
   */
  survey(
    filter: SurveyFilter,
    page: { readonly limit: number; readonly after: UploadId | null },
  ): Promise<readonly Upload[]>;
  /** How many uploads there are in each of `filter.statuses`. */
  tally(filter: SurveyFilter): Promise<ReadonlyMap<UploadStatus, number>>;

  /**
   * Mark the file of an upload as missing, or clear the mark. Callers see no change: neither revision, time nor events.
   *
   * @returns `false` if nothing changed: the mark was the same, or the upload was deleted or moved.
   */
  noteMissing(upload: Upload, isMissing: boolean): Promise<boolean>;
  /** Uploads of a storage whose files are missing, by id, after `after`. */
  missingFiles(
    storageId: string,
    page: { readonly limit: number; readonly after: UploadId | null },
  ): Promise<readonly Upload[]>;
  /** How many files are missing, by storage. Leaves out storages without missing files. */
  countMissing(): Promise<ReadonlyMap<string, number>>;

  /**
   * A secret of this database. Stores `fresh` if there is none under this name. All servers on one database get the same
   * secret.
   */
  secret(name: string, fresh: string): Promise<string>;

  /** Store the URI of an open storage. */
  noteStorage(storageId: string, display: string): Promise<void>;
  /** Remove all uploads of a storage that is lost for good. @returns How many. */
  dropStorage(storageId: string): Promise<number>;
  /** All storages that hold uploads. */
  storageUsage(): Promise<readonly StorageUsage[]>;
  /** Check that the database responds and accepts writes. */
  check(): Promise<void>;
  close(): Promise<void>;
}
