/**
 * Schema 5: a row says that its file is missing in its storage, and when its job was last taken from a worker
 * whose lease had ended, and who may still write.
 */
export const SCHEMA_5: readonly string[] = [
  "ALTER TABLE uploads ADD COLUMN missing_since INTEGER",
  "ALTER TABLE uploads ADD COLUMN taken_over_at INTEGER",
  "CREATE INDEX uploads_missing ON uploads (storage_id, id) WHERE missing_since IS NOT NULL",
  "UPDATE meta SET value = '5' WHERE name = 'schema_version'",
];
