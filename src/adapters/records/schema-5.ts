/**
 * Schema 5: since when a file is missing in its storage, and when its job was last taken over from a worker that may
 * still write.
 */
export const SCHEMA_5: readonly string[] = [
  "ALTER TABLE uploads ADD COLUMN missing_since INTEGER",
  "ALTER TABLE uploads ADD COLUMN taken_over_at INTEGER",
  "CREATE INDEX uploads_missing ON uploads (storage_id, id) WHERE missing_since IS NOT NULL",
  "UPDATE meta SET value = '5' WHERE name = 'schema_version'",
];
