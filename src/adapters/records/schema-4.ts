/**
 * Schema 4: the usage of each tenant, the overrides of operators, and the `Idempotency-Key`s of uploads.
 *
 * Triggers update `usage` with every change of `uploads`, so that no code can forget it. A row counts until it is
 * removed: with its size, or with `held_bytes` while the size is unknown. Triggers also free a key when its upload can no
 * longer be committed.
 */
export const SCHEMA_4: readonly string[] = [
  "ALTER TABLE uploads ADD COLUMN held_bytes INTEGER NOT NULL DEFAULT 0",

  `CREATE TABLE usage (
  tenant TEXT NOT NULL PRIMARY KEY,
  bytes INTEGER NOT NULL,
  uploads INTEGER NOT NULL
) STRICT, WITHOUT ROWID`,
  `INSERT INTO usage (tenant, bytes, uploads)
SELECT tenant, sum(coalesce(size_bytes, held_bytes)), count(*) FROM uploads GROUP BY tenant`,

  `CREATE TRIGGER uploads_come AFTER INSERT ON uploads
BEGIN
  INSERT INTO usage (tenant, bytes, uploads)
  VALUES (new.tenant, coalesce(new.size_bytes, new.held_bytes), 1)
  ON CONFLICT (tenant) DO UPDATE SET bytes = bytes + excluded.bytes, uploads = uploads + 1;
END`,

  `CREATE TRIGGER uploads_grow AFTER UPDATE OF size_bytes, held_bytes ON uploads
BEGIN
  UPDATE usage
  SET bytes = bytes - coalesce(old.size_bytes, old.held_bytes) + coalesce(new.size_bytes, new.held_bytes)
  WHERE tenant = new.tenant;
END`,

  `CREATE TABLE repeats (
  tenant TEXT NOT NULL,
  key TEXT NOT NULL,
  upload_id TEXT NOT NULL UNIQUE,
  fingerprint TEXT,
  created_at INTEGER NOT NULL,
  committed_at INTEGER,
  PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID`,
  "CREATE INDEX repeats_oldest ON repeats (committed_at) WHERE committed_at IS NOT NULL",

  `CREATE TRIGGER uploads_given_up AFTER UPDATE OF status ON uploads
WHEN old.status = 'uploading' AND new.status = 'deleting'
BEGIN
  DELETE FROM repeats WHERE upload_id = old.id;
END`,

  `CREATE TRIGGER uploads_go AFTER DELETE ON uploads
BEGIN
  UPDATE usage
  SET bytes = bytes - coalesce(old.size_bytes, old.held_bytes), uploads = uploads - 1
  WHERE tenant = old.tenant;
  DELETE FROM usage WHERE tenant = old.tenant AND uploads = 0;
  DELETE FROM repeats WHERE upload_id = old.id AND committed_at IS NULL;
END`,

  `CREATE TABLE tenants (
  id TEXT NOT NULL PRIMARY KEY,
  overrides TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID`,

  `CREATE INDEX uploads_expiry ON uploads (expires_at, id)
WHERE expires_at IS NOT NULL AND status <> 'deleting'`,

  // For lists by a rare filename prefix, which would otherwise scan all uploads.
  "CREATE INDEX uploads_filenames ON uploads (tenant, filename)",

  "UPDATE meta SET value = '4' WHERE name = 'schema_version'",
];
