/**
 * Schema 1. Times are milliseconds since 1970; JSON is text. Queries repeat the statuses of `due_at` and of the partial
 * indexes as literals: SQLite uses such an index only if it can prove that it applies.
 */
export const SCHEMA_1: readonly string[] = [
  `CREATE TABLE meta (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID`,

  `CREATE TABLE uploads (
  id TEXT NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL,
  storage_id TEXT NOT NULL,
  key TEXT NOT NULL,
  revision INTEGER NOT NULL,
  status TEXT NOT NULL,
  filename TEXT NOT NULL,
  original_filename TEXT NOT NULL,
  size_bytes INTEGER,
  sha256 TEXT,
  content_type TEXT NOT NULL,
  metadata TEXT NOT NULL DEFAULT '{}',
  external_id TEXT,
  created_by TEXT NOT NULL,
  expires_at INTEGER,
  attempts INTEGER NOT NULL DEFAULT 0,
  processors TEXT NOT NULL DEFAULT '[]',
  error TEXT,
  run_after INTEGER,
  lease_token TEXT,
  lease_until INTEGER,
  started_at INTEGER,
  finished_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  due_at INTEGER GENERATED ALWAYS AS (
    CASE
      WHEN status = 'queued' THEN run_after
      WHEN status IN ('uploading', 'processing', 'deleting') THEN lease_until
    END
  ) VIRTUAL,
  UNIQUE (storage_id, key)
) STRICT`,

  "CREATE INDEX uploads_newest ON uploads (tenant, created_at, id)",
  "CREATE INDEX uploads_newest_of_status ON uploads (tenant, status, created_at, id)",
  "CREATE UNIQUE INDEX uploads_external ON uploads (tenant, external_id) WHERE external_id IS NOT NULL",
  "CREATE INDEX uploads_jobs ON uploads (due_at, id) WHERE status IN ('queued', 'processing')",
  "CREATE INDEX uploads_remains ON uploads (due_at, id) WHERE status IN ('uploading', 'deleting')",

  `CREATE TABLE results (
  upload_id TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  status TEXT NOT NULL,
  output TEXT,
  text_key TEXT,
  error TEXT,
  duration_ms REAL NOT NULL,
  PRIMARY KEY (upload_id, name)
) STRICT, WITHOUT ROWID`,

  `CREATE TABLE events (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  upload_id TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
  tenant TEXT NOT NULL,
  type TEXT NOT NULL,
  revision INTEGER NOT NULL,
  at INTEGER NOT NULL,
  UNIQUE (upload_id, revision)
) STRICT`,

  `CREATE TABLE tombstones (
  storage_id TEXT NOT NULL,
  key TEXT NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (storage_id, key)
) STRICT, WITHOUT ROWID`,
  "CREATE INDEX tombstones_oldest ON tombstones (storage_id, until)",

  `CREATE TABLE storages (
  storage_id TEXT NOT NULL PRIMARY KEY,
  display TEXT NOT NULL
) STRICT, WITHOUT ROWID`,

  `CREATE TABLE api_keys (
  id TEXT NOT NULL PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  tenant TEXT,
  scopes TEXT NOT NULL,
  label TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER
) STRICT`,

  "INSERT INTO meta (name, value) VALUES ('schema_version', '1')",
];
