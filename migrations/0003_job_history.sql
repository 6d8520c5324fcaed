ALTER TABLE events ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;

ALTER TABLE events ADD COLUMN error TEXT;

CREATE INDEX uploads_turns ON uploads (tenant, due_at, id) WHERE status IN ('queued', 'processing');

UPDATE meta SET value = '3' WHERE name = 'schema_version';
