/** Schema 5: a job says when it was last taken from a worker whose lease had ended, and who may still write. */
export const SCHEMA_5: readonly string[] = [
  "ALTER TABLE uploads ADD COLUMN taken_over_at INTEGER",
  "UPDATE meta SET value = '5' WHERE name = 'schema_version'",
];
