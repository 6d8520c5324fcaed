import { type Expression, expressionBuilder, type SqlBool, sql } from "kysely";
import type { Clock } from "../../domain/ports/clock.ts";
import type { ListFilter, ListPosition, UploadRecords } from "../../domain/ports/records.ts";
import type { TenantId } from "../../domain/tenant.ts";
import { findUploadId, type UploadId } from "../../domain/upload-id.ts";
import { notExpired } from "./changes.ts";
import type { SqlExecutor } from "./executor.ts";
import { beginningWith } from "./filename-prefix.ts";
import { toEvent, toResult, toUpload } from "./rows.ts";
import { db, type Schema } from "./schema.ts";

/** Every executor allows 100 parameters. */
const IDS_IN_A_QUERY = 90;

/** What callers read of the uploads of their tenant. */
export function reading(
  executor: SqlExecutor,
  clock: Clock,
): Pick<UploadRecords, "find" | "list" | "events" | "revisions" | "results"> {
  return {
    async find(tenant, id) {
      const ownId = findUploadId(id);
      const rows = await executor.run(selectById(tenant, id, clock.now()));
      // Both ids may match, because the external id of an adopted upload can be any text. Our own id goes first.
      const row = rows.find((candidate) => candidate.id === ownId) ?? rows[0];
      return row === undefined ? null : toUpload(row);
    },

    async list(tenant, filter, { limit, after }) {
      const { filenamePrefix: prefix = "" } = filter;
      const whose =
        prefix === ""
          ? sql<SqlBool>`tenant = ${tenant}`
          : await beginningWith(executor, tenant, prefix);
      const conditions = [
        whose,
        notExpired(clock.now()),
        ...conditionsOf(filter),
        ...beyond(after),
      ];
      const rows = await executor.run(selectNewest(conditions, limit + 1));
      const uploads = rows.slice(0, limit).map(toUpload);
      const last = uploads.at(-1);
      const more = rows.length > limit && last !== undefined;
      return { uploads, next: more ? { createdAt: last.createdAt, id: last.id } : null };
    },

    async events(tenant, id, after, limit) {
      return (await executor.run(selectEvents(tenant, id, after, limit))).map(toEvent);
    },

    async revisions(ids) {
      const now = clock.now();
      const found = new Map<UploadId, number>();
      for (let start = 0; start < ids.length; start += IDS_IN_A_QUERY) {
        const some = ids.slice(start, start + IDS_IN_A_QUERY);
        const rows = await executor.run(selectRevisions(some, now));
        for (const { id, revision } of rows) found.set(id, revision);
      }
      return found;
    },

    async results(tenant, id) {
      return (await executor.run(selectResults(tenant, id, clock.now()))).map(toResult);
    },
  };
}

function selectById(tenant: TenantId, id: string, now: number) {
  const ownId = findUploadId(id);
  return db
    .selectFrom("uploads")
    .selectAll()
    .where("tenant", "=", tenant)
    .where("status", "<>", "deleting")
    .where(notExpired(now))
    .where((eb) =>
      ownId === null
        ? eb("external_id", "=", id)
        : eb.or([eb("id", "=", ownId), eb("external_id", "=", id)]),
    )
    .compile();
}

function selectNewest(conditions: readonly Expression<SqlBool>[], limit: number) {
  return db
    .selectFrom("uploads")
    .selectAll()
    .where((eb) => eb.and(conditions))
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(limit)
    .compile();
}

function selectEvents(tenant: TenantId, id: UploadId, after: number, limit: number) {
  return db
    .selectFrom("events")
    .selectAll()
    .where("tenant", "=", tenant)
    .where("upload_id", "=", id)
    .where("revision", ">", after)
    .orderBy("revision")
    .limit(limit)
    .compile();
}

function selectRevisions(ids: readonly UploadId[], now: number) {
  return db
    .selectFrom("uploads")
    .select(["id", "revision"])
    .where("id", "in", ids)
    .where("status", "<>", "deleting")
    .where(notExpired(now))
    .compile();
}

function selectResults(tenant: TenantId, id: UploadId, now: number) {
  return db
    .selectFrom("results")
    .innerJoin("uploads", "uploads.id", "results.upload_id")
    .selectAll("results")
    .where("uploads.tenant", "=", tenant)
    .where("uploads.status", "<>", "deleting")
    .where(notExpired(now))
    .where("results.upload_id", "=", id)
    .orderBy("results.name")
    .compile();
}

function conditionsOf({ status, createdAfter, createdBefore }: ListFilter): Expression<SqlBool>[] {
  const eb = expressionBuilder<Schema, "uploads">();
  return [
    eb("status", "<>", "deleting"),
    status === undefined ? eb("status", "<>", "uploading") : eb("status", "=", status),
    ...(createdAfter === undefined ? [] : [eb("created_at", ">=", createdAfter)]),
    ...(createdBefore === undefined ? [] : [eb("created_at", "<=", createdBefore)]),
  ];
}

/** By position, not by offset, so that new and deleted uploads do not shift the page. */
function beyond(after: ListPosition | null): Expression<SqlBool>[] {
  return after === null ? [] : [sql<SqlBool>`(created_at, id) < (${after.createdAt}, ${after.id})`];
}
