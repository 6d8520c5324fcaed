/**
 * Schema 3: events tell how a job stood after the change, and tenants' jobs can be found in turn. The
 * statuses of the index are literals in the queries too (see schema 1).
 */
export const SCHEMA_3: readonly string[] = [
  "ALTER TABLE events ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0",
  "ALTER TABLE events ADD COLUMN error TEXT",
  "CREATE INDEX uploads_turns ON uploads (tenant, due_at, id) WHERE status IN ('queued', 'processing')",
  "UPDATE meta SET value = '3' WHERE name = 'schema_version'",
];
