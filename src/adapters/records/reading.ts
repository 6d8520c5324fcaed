import { type Expression, type ExpressionBuilder, type SqlBool, sql } from "kysely";
import type { Clock } from "../../domain/ports/clock.ts";
import type { ListFilter, ListPosition, UploadRecords } from "../../domain/ports/records.ts";
import type { TenantId } from "../../domain/tenant.ts";
import { findUploadId, type UploadId } from "../../domain/upload-id.ts";
import { notExpired } from "./changes.ts";
import type { SqlExecutor } from "./executor.ts";
import { toEvent, toResult, toUpload } from "./rows.ts";
import { db, type Schema } from "./schema.ts";

/** An executor takes 100 parameters at least. */
const IDS_IN_A_QUERY = 90;

/** What callers see of their tenant's uploads. */
export function reading(
  executor: SqlExecutor,
  clock: Clock,
): Pick<UploadRecords, "find" | "list" | "events" | "revisions" | "results"> {
  return {
    async find(tenant, id) {
      const ownId = findUploadId(id);
      const rows = await executor.run(
        db
          .selectFrom("uploads")
          .selectAll()
          .where("tenant", "=", tenant)
          .where("status", "<>", "deleting")
          .where(notExpired(clock.now()))
          .where((eb) =>
            ownId === null
              ? eb("external_id", "=", id)
              : eb.or([eb("id", "=", ownId), eb("external_id", "=", id)]),
          )
          .compile(),
      );
      // Both may match: an adopted upload's old id looks like anything. Our own goes first.
      const row = rows.find((candidate) => candidate.id === ownId) ?? rows[0];
      return row === undefined ? null : toUpload(row);
    },

    async list(tenant, filter, { limit, after }) {
      const rows = await executor.run(
        selectPage(tenant, filter, { limit: limit + 1, after, now: clock.now() }),
      );
      const uploads = rows.slice(0, limit).map(toUpload);
      const last = uploads.at(-1);
      const more = rows.length > limit && last !== undefined;
      return { uploads, next: more ? { createdAt: last.createdAt, id: last.id } : null };
    },

    async events(tenant, id, after, limit) {
      const rows = await executor.run(
        db
          .selectFrom("events")
          .selectAll()
          .where("tenant", "=", tenant)
          .where("upload_id", "=", id)
          .where("revision", ">", after)
          .orderBy("revision")
          .limit(limit)
          .compile(),
      );
      return rows.map(toEvent);
    },

    async revisions(ids) {
      const now = clock.now();
      const found = new Map<UploadId, number>();
      for (let start = 0; start < ids.length; start += IDS_IN_A_QUERY) {
        const rows = await executor.run(
          db
            .selectFrom("uploads")
            .select(["id", "revision"])
            .where("id", "in", ids.slice(start, start + IDS_IN_A_QUERY))
            .where("status", "<>", "deleting")
            .where(notExpired(now))
            .compile(),
        );
        for (const { id, revision } of rows) found.set(id, revision);
      }
      return found;
    },

    async results(tenant, id) {
      const rows = await executor.run(
        db
          .selectFrom("results")
          .innerJoin("uploads", "uploads.id", "results.upload_id")
          .selectAll("results")
          .where("uploads.tenant", "=", tenant)
          .where("uploads.status", "<>", "deleting")
          .where(notExpired(clock.now()))
          .where("results.upload_id", "=", id)
          .orderBy("results.name")
          .compile(),
      );
      return rows.map(toResult);
    },
  };
}

/** By position, not by offset: what comes or goes before the position moves nothing after it. */
function selectPage(
  tenant: TenantId,
  filter: ListFilter,
  { limit, after, now }: { limit: number; after: ListPosition | null; now: number },
) {
  return db
    .selectFrom("uploads")
    .selectAll()
    .where("tenant", "=", tenant)
    .where(notExpired(now))
    .where((eb) => eb.and([...filterOf(filter, eb), ...beyond(after)]))
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(limit)
    .compile();
}

function filterOf(
  filter: ListFilter,
  eb: ExpressionBuilder<Schema, "uploads">,
): Expression<SqlBool>[] {
  const { status, filenamePrefix: prefix, createdAfter, createdBefore } = filter;
  return [
    eb("status", "<>", "deleting"),
    status === undefined ? eb("status", "<>", "uploading") : eb("status", "=", status),
    ...(prefix === undefined ? [] : [beginsWith(prefix)]),
    ...(createdAfter === undefined ? [] : [eb("created_at", ">=", createdAfter)]),
    ...(createdBefore === undefined ? [] : [eb("created_at", "<=", createdBefore)]),
  ];
}

/** LIKE would fold ASCII case, know wildcards, and take 50 bytes on D1. */
function beginsWith(prefix: string): Expression<SqlBool> {
  // A lone surrogate is bound as U+FFFD, which a filename may well hold.
  if (!prefix.isWellFormed()) return sql<SqlBool>`1 = 0`;
  return sql<SqlBool>`substr(filename, 1, length(${prefix})) = ${prefix}`;
}

function beyond(after: ListPosition | null): Expression<SqlBool>[] {
  return after === null ? [] : [sql<SqlBool>`(created_at, id) < (${after.createdAt}, ${after.id})`];
}
