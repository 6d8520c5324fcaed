ALTER TABLE uploads ADD COLUMN multipart_id TEXT;

UPDATE meta SET value = '2' WHERE name = 'schema_version';
