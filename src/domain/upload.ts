import type { ErrorCode } from "./errors.ts";
import type { Filename } from "./filename.ts";
import type { ObjectKey } from "./object-key.ts";
import type { TenantId } from "./tenant.ts";
import type { UploadId } from "./upload-id.ts";

/**
 * The statuses of an upload that callers see.
 *
 * - `uploading`: reserved. Bytes may be arriving, and it cannot be downloaded.
 * - `stored`: durable, with a known digest. Nothing is left to do.
 * - `queued`, `processing`: durable. A processor will run or is running.
 * - `processed`: all requested processors succeeded.
 * - `failed`: a processor failed finally. The file itself is safe.
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

/** The statuses of a record. To callers, a `deleting` upload does not exist. */
export type RecordStatus = UploadStatus | "deleting";

/** The allowed changes. The records refuse all others. */
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

/** Why a processor failed, for people. */
export interface ProcessingError {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly retryable: boolean;
}

/** The record of one upload. Times are milliseconds since 1970, UTC. */
export interface Upload {
  readonly id: UploadId;
  readonly tenant: TenantId;
  /** The storage that holds the bytes: the id in its `.stowage/storage.json`. */
  readonly storageId: string;
  /** The key in that storage, verbatim. */
  readonly key: ObjectKey;
  /** Grows by one with every change. Compare it before you change the record. */
  readonly revision: number;
  readonly status: RecordStatus;
  readonly filename: Filename;
  /** The name exactly as the client sent it. */
  readonly originalFilename: string;
  /** `null` while `uploading`. */
  readonly sizeBytes: number | null;
  /** Lower-case hexadecimal; `null` while `uploading`. */
  readonly sha256: string | null;
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The former id of an adopted upload. */
  readonly externalId: string | null;
  /** The driver's id of the multipart upload that stores the bytes, until it is completed; else `null`. */
  readonly multipartId: string | null;
  /** The uploader: `key:…` or `jwt:…`. */
  readonly createdBy: string;
  readonly expiresAt: number | null;
  /** Since when its file is known to be missing in its storage. For operators, who may restore it. */
  readonly missingSince: number | null;
  readonly processing: ProcessingState;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface ProcessingState {
  /** How many runs were started since it was last queued. */
  readonly attempts: number;
  readonly error: ProcessingError | null;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  /** When its job was last taken over because the worker's lease had ended. That worker may still be alive and write. */
  readonly takenOverAt: number | null;
}

/** The latest result of one processor for one upload. */
export interface ProcessorResult {
  readonly name: string;
  readonly version: string;
  readonly status: "processed" | "failed";
  /** Small facts (pages, words); JSON. */
  readonly output: Readonly<Record<string, unknown>> | null;
  /** The key of its text in the storage of the upload; `null` if it made none. */
  readonly textKey: ObjectKey | null;
  readonly error: ProcessingError | null;
  readonly durationMs: number;
}

/** A change of status of an upload. */
export interface UploadEvent {
  readonly uploadId: UploadId;
  readonly tenant: TenantId;
  /** `upload.stored`, `upload.queued` … */
  readonly type: `upload.${RecordStatus}`;
  /** The revision after the change. Unique and growing within one upload. A stream of events resumes from it. */
  readonly revision: number;
  readonly at: number;
  /** The attempts after the change, so that all events together are the history of the attempts. */
  readonly attempts: number;
  readonly error: ProcessingError | null;
}
