ALTER TABLE uploads ADD COLUMN taken_over_at INTEGER;

UPDATE meta SET value = '5' WHERE name = 'schema_version';
