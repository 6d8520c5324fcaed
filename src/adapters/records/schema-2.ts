/**
 * Schema 2: a reservation stores the id of its multipart upload, so that clean-up can abort it.
 */
export const SCHEMA_2: readonly string[] = [
  "ALTER TABLE uploads ADD COLUMN multipart_id TEXT",
  "UPDATE meta SET value = '2' WHERE name = 'schema_version'",
];
