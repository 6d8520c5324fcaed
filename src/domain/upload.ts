import type { ErrorCode } from "./errors.ts";
import type { Filename } from "./filename.ts";
import type { ObjectKey } from "./object-key.ts";
import type { TenantId } from "./tenant.ts";
import type { UploadId } from "./upload-id.ts";

/**
 * What callers see of an upload's life.
 *
 * - `uploading`: reserved, bytes may be arriving; not downloadable.
 * - `stored`: durable, checksum known, nothing to do.
 * - `queued`, `processing`: durable, and a processor will run or is running.
 * - `processed`: every processor that was asked for has succeeded.
 * - `failed`: a processor failed for good; the file itself is safe.
 * - `quarantined`: durable, but not served.
 */
export const UPLOAD_STATUSES = [
  "uploading",
  "stored",
  "queued",
  "processing",
  "processed",
  "failed",
  "quarantined",
] as const;
export type UploadStatus = (typeof UPLOAD_STATUSES)[number];

/** The statuses of a record. `deleting` counts as missing everywhere. */
export type RecordStatus = UploadStatus | "deleting";

/** The legal changes. The records refuse all others. */
export const LEGAL_CHANGES: Readonly<Record<RecordStatus, readonly RecordStatus[]>> = {
  uploading: ["stored", "queued", "deleting"],
  stored: ["queued", "quarantined", "deleting"],
  queued: ["processing", "deleting"],
  processing: ["queued", "processed", "failed", "deleting"],
  processed: ["queued", "quarantined", "deleting"],
  failed: ["queued", "quarantined", "deleting"],
  quarantined: ["stored", "deleting"],
  deleting: [],
};

/** Whether such an upload no longer changes by itself. */
export function isSettled(status: RecordStatus): boolean {
  return !["uploading", "queued", "processing", "deleting"].includes(status);
}

/** The statuses from which `next` may be reached. */
export function statusesBefore(next: RecordStatus): RecordStatus[] {
  return (Object.keys(LEGAL_CHANGES) as RecordStatus[]).filter((status) =>
    LEGAL_CHANGES[status].includes(next),
  );
}

/** Why a processor failed, in words for a person. */
export interface ProcessingError {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly retryable: boolean;
}

/** One upload as its record holds it. Times are milliseconds since 1970, UTC. */
export interface Upload {
  readonly id: UploadId;
  readonly tenant: TenantId;
  /** The storage that holds the bytes: the id in its `.stowage/storage.json`. */
  readonly storageId: string;
  /** Where in that storage, verbatim. */
  readonly key: ObjectKey;
  /** Grows by one with every change; the one thing to compare before changing a record. */
  readonly revision: number;
  readonly status: RecordStatus;
  readonly filename: Filename;
  /** What the client called it, exactly as sent. */
  readonly originalFilename: string;
  /** `null` while `uploading`. */
  readonly sizeBytes: number | null;
  /** Lower-case hexadecimal; `null` while `uploading`. */
  readonly sha256: string | null;
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The id that an adopted upload had before. */
  readonly externalId: string | null;
  /** The multipart upload that its put has begun and not completed, as the driver names it; else `null`. */
  readonly multipartId: string | null;
  /** `key:…` or `jwt:…`: who uploaded it. */
  readonly createdBy: string;
  readonly expiresAt: number | null;
  /** Since when its file is known to be missing in its storage; for operators, who may bring it back. */
  readonly missingSince: number | null;
  readonly processing: ProcessingState;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface ProcessingState {
  /** How often processing was begun since it was last asked for. */
  readonly attempts: number;
  readonly error: ProcessingError | null;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  /** When a worker last lost its job to another because its lease had ended. It may be alive, and still write. */
  readonly takenOverAt: number | null;
}

/** What one processor made of one upload, the last time it ran. */
export interface ProcessorResult {
  readonly name: string;
  readonly version: string;
  readonly status: "processed" | "failed";
  /** Small facts (pages, words); JSON. */
  readonly output: Readonly<Record<string, unknown>> | null;
  /** Where its text lies, in the storage of the upload; `null` if it made none. */
  readonly textKey: ObjectKey | null;
  readonly error: ProcessingError | null;
  readonly durationMs: number;
}

/** A change of an upload, for its followers. */
export interface UploadEvent {
  readonly uploadId: UploadId;
  readonly tenant: TenantId;
  /** `upload.stored`, `upload.queued` … */
  readonly type: `upload.${RecordStatus}`;
  /** What the change made of it: unique and growing within one upload, where a follower of it goes on. */
  readonly revision: number;
  readonly at: number;
  /** As `processing` had them after the change: so all events together are the history of its attempts. */
  readonly attempts: number;
  readonly error: ProcessingError | null;
}
