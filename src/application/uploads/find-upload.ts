import { StowageError } from "../../domain/errors.ts";
import type { UploadRecords } from "../../domain/ports/records.ts";
import type { TenantId } from "../../domain/tenant.ts";
import type { Upload } from "../../domain/upload.ts";

type Records = Pick<UploadRecords, "find">;

/** People do not cause so many conflicts in a row: give up. */
const MAX_TRIES = 20;

/** @throws {StowageError} `upload_not_found`, also for an upload of another tenant. */
export async function requireUpload(
  records: Records,
  tenant: TenantId,
  id: string,
): Promise<Upload> {
  const upload = await records.find(tenant, id);
  if (upload === null) throw uploadNotFound();
  return upload;
}

/** An upload whose bytes have arrived. @throws {StowageError} `upload_not_found`, `upload_in_progress`. */
export async function requireStored(
  records: Records,
  tenant: TenantId,
  id: string,
): Promise<Upload> {
  const upload = await requireUpload(records, tenant, id);
  if (upload.status === "uploading") throw uploadInProgress();
  return upload;
}

/**
 * An upload that may be served.
 *
 * @param what What is served, for the message: `file`.
 * @throws {StowageError} `upload_not_found`, `upload_in_progress`, `upload_conflict` (quarantined).
 */
export async function requireServable(
  records: Records,
  tenant: TenantId,
  id: string,
  what: "file" | "text",
): Promise<Upload> {
  const upload = await requireStored(records, tenant, id);
  if (upload.status !== "quarantined") return upload;
  throw new StowageError("upload_conflict", `Cannot serve ${what}: the upload is quarantined`);
}

/**
 * Repeat a compare-and-set until it succeeds, {@link MAX_TRIES} times at most.
 *
 * @param attempt Reads the upload and changes it; resolves to `null` if another change came in between.
 * @throws {StowageError} What `attempt` throws; `upload_conflict` (retryable) after the last try.
 */
export async function retryOnConflict<Result>(
  attempt: () => Promise<Result | null>,
): Promise<Result> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const result = await attempt();
    if (result !== null) return result;
  }
  throw new StowageError(
    "upload_conflict",
    "Cannot change upload: too many other changes at the same time (try again)",
    { retryable: true },
  );
}

export function uploadNotFound(): StowageError {
  return new StowageError("upload_not_found", "Cannot find upload: no upload has this id");
}

function uploadInProgress(): StowageError {
  return new StowageError("upload_in_progress", "Cannot do this yet: the upload is still arriving");
}
