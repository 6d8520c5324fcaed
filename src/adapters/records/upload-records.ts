import type { Clock } from "../../domain/ports/clock.ts";
import type { UploadRecords } from "../../domain/ports/records.ts";
import { deletions } from "./deletions.ts";
import type { SqlExecutor } from "./executor.ts";
import { idempotencyRecords } from "./idempotency-records.ts";
import { jobs } from "./jobs.ts";
import { missing } from "./missing.ts";
import { reading } from "./reading.ts";
import { reservations } from "./reservations.ts";
import { storages } from "./storages.ts";
import { surveys } from "./surveys.ts";
import { createTenantRecords } from "./tenants.ts";
import { tombstones } from "./tombstones.ts";
import { updates } from "./updates.ts";

/**
 * The records over a database whose schema is up to date (`migrate`, `requireSchema`).
 *
 * Each part is a list of short methods that run queries. Functions below them build the queries.
 */
export function createUploadRecords(executor: SqlExecutor, clock: Clock): UploadRecords {
  return {
    ...reservations(executor, clock),
    ...reading(executor, clock),
    ...jobs(executor, clock),
    ...deletions(executor, clock),
    ...updates(executor, clock),
    ...idempotencyRecords(executor, clock),
    ...missing(executor, clock),
    ...storages(executor),
    ...surveys(executor),
    ...tombstones(executor),
    usage: async (tenant) => (await createTenantRecords(executor, clock).find(tenant)).usage,
    close: () => executor.close(),
  };
}
