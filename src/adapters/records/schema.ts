import {
  type ColumnType,
  DummyDriver,
  type Generated,
  Kysely,
  type Selectable,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import type { Filename } from "../../domain/filename.ts";
import type { ObjectKey } from "../../domain/object-key.ts";
import type { TenantId } from "../../domain/tenant.ts";
import type { ProcessorResult, RecordStatus, UploadEvent } from "../../domain/upload.ts";
import type { UploadId } from "../../domain/upload-id.ts";

/** Text that holds JSON. */
type Json = string;

/** The tables after the newest migration. Times are milliseconds since 1970. */
export interface Schema {
  uploads: UploadsTable;
  results: ResultsTable;
  events: EventsTable;
  tombstones: { storage_id: string; key: ObjectKey; until: number };
  storages: { storage_id: string; display: string };
  api_keys: ApiKeysTable;
  meta: { name: string; value: string };
  /** Maintained only by triggers on `uploads`. A tenant without uploads has no row. */
  usage: { tenant: TenantId; bytes: number; uploads: number };
  repeats: IdempotencyRecordsTable;
  tenants: { id: TenantId; overrides: Json; created_at: number; updated_at: number };
}

interface UploadsTable {
  id: UploadId;
  tenant: TenantId;
  storage_id: string;
  key: ObjectKey;
  revision: number;
  status: RecordStatus;
  filename: Filename;
  original_filename: string;
  size_bytes: number | null;
  sha256: string | null;
  content_type: string;
  metadata: Generated<Json>;
  external_id: string | null;
  created_by: string;
  expires_at: number | null;
  attempts: Generated<number>;
  processors: Generated<Json>;
  error: Json | null;
  /** While `queued`: not before this. */
  run_after: number | null;
  /** While `processing`: the claim that owns the run. */
  lease_token: string | null;
  /** While `uploading`, `processing`: when the lease ends. While `deleting`: when the delete began. */
  lease_until: number | null;
  started_at: number | null;
  finished_at: number | null;
  created_at: number;
  updated_at: number;
  /** When the row is due again: `run_after` or `lease_until`, depending on the status. */
  due_at: ColumnType<number | null, never, never>;
  /** While `uploading`, and afterwards until clean-up: the multipart upload that holds the parts. */
  multipart_id: string | null;
  /** The bytes that count while `size_bytes` is unknown. */
  held_bytes: Generated<number>;
  /** Since when its file is known to be missing. */
  missing_since: number | null;
  /** When its job was last taken over from a worker whose lease had ended. */
  taken_over_at: number | null;
}

/** The `Idempotency-Key`s of uploads. */
interface IdempotencyRecordsTable {
  tenant: TenantId;
  key: string;
  upload_id: UploadId;
  fingerprint: string | null;
  created_at: number;
  /** `null` while its upload may still be abandoned. Then the key becomes free. */
  committed_at: number | null;
}

interface ResultsTable {
  upload_id: UploadId;
  name: string;
  version: string;
  status: ProcessorResult["status"];
  output: Json | null;
  text_key: ObjectKey | null;
  error: Json | null;
  duration_ms: number;
}

interface EventsTable {
  sequence: Generated<number>;
  upload_id: UploadId;
  tenant: TenantId;
  type: UploadEvent["type"];
  revision: number;
  at: number;
  /** As the upload had them after the change. */
  attempts: Generated<number>;
  error: Json | null;
}

interface ApiKeysTable {
  id: string;
  hash: string;
  tenant: TenantId | null;
  scopes: Json;
  label: string;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
}

export type UploadRow = Selectable<UploadsTable>;
export type ResultRow = Selectable<ResultsTable>;
export type EventRow = Selectable<EventsTable>;
export type ApiKeyRow = Selectable<ApiKeysTable>;

/** Builds and compiles queries. It has no connection: an executor runs the queries. */
export const db = new Kysely<Schema>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (kysely) => new SqliteIntrospector(kysely),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
});
