/**
 * Schema 3: events store the state of the job after the change, and an index finds the jobs of the tenants in turn.
 * Queries repeat its statuses as literals (see schema 1).
 */
export const SCHEMA_3: readonly string[] = [
  "ALTER TABLE events ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0",
  "ALTER TABLE events ADD COLUMN error TEXT",
  "CREATE INDEX uploads_turns ON uploads (tenant, due_at, id) WHERE status IN ('queued', 'processing')",
  "UPDATE meta SET value = '3' WHERE name = 'schema_version'",
];
