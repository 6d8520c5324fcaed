import type { ApiKey } from "../../domain/ports/api-keys.ts";
import type { ProcessorResult, Upload, UploadEvent } from "../../domain/upload.ts";
import type { ApiKeyRow, EventRow, ResultRow, UploadRow } from "./schema.ts";

export function toUpload(row: UploadRow): Upload {
  return {
    id: row.id,
    tenant: row.tenant,
    storageId: row.storage_id,
    key: row.key,
    revision: row.revision,
    status: row.status,
    filename: row.filename,
    originalFilename: row.original_filename,
    sizeBytes: row.size_bytes,
    sha256: row.sha256,
    contentType: row.content_type,
    metadata: JSON.parse(row.metadata),
    externalId: row.external_id,
    multipartId: row.multipart_id,
    createdBy: row.created_by,
    expiresAt: row.expires_at,
    missingSince: row.missing_since,
    processing: {
      attempts: row.attempts,
      error: fromJson(row.error),
      startedAt: row.started_at,
      finishedAt: row.finished_at,
      takenOverAt: row.taken_over_at,
    },
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export function toEvent(row: EventRow): UploadEvent {
  return {
    uploadId: row.upload_id,
    tenant: row.tenant,
    type: row.type,
    revision: row.revision,
    at: row.at,
    attempts: row.attempts,
    error: fromJson(row.error),
  };
}

export function toResult(row: ResultRow): ProcessorResult {
  return {
    name: row.name,
    version: row.version,
    status: row.status,
    output: fromJson(row.output),
    textKey: row.text_key,
    error: fromJson(row.error),
    durationMs: row.duration_ms,
  };
}

export function toApiKey(row: ApiKeyRow): ApiKey {
  return {
    id: row.id,
    hash: row.hash,
    tenant: row.tenant,
    scopes: JSON.parse(row.scopes),
    label: row.label,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
  };
}

export function fromApiKey(key: ApiKey): ApiKeyRow {
  return {
    id: key.id,
    hash: key.hash,
    tenant: key.tenant,
    scopes: JSON.stringify(key.scopes),
    label: key.label,
    created_at: key.createdAt,
    expires_at: key.expiresAt,
    revoked_at: key.revokedAt,
  };
}

/** JSON text, or SQL's `NULL` for `null`. */
export function toJson(value: object | null): string | null {
  return value === null ? null : JSON.stringify(value);
}

function fromJson(text: string | null) {
  return text === null ? null : JSON.parse(text);
}
