/**
 * Schema 2: a reservation keeps the id of the multipart upload that its put has begun, so that its parts
 * can be given up by whoever finds the reservation.
 */
export const SCHEMA_2: readonly string[] = [
  "ALTER TABLE uploads ADD COLUMN multipart_id TEXT",
  "UPDATE meta SET value = '2' WHERE name = 'schema_version'",
];
