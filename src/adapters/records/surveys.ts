import { type Expression, type ExpressionBuilder, type SqlBool, sql } from "kysely";
import type { UploadRecords } from "../../domain/ports/records.ts";
import type { SurveyFilter } from "../../domain/ports/upkeep-records.ts";
import type { UploadStatus } from "../../domain/upload.ts";
import { inStorages } from "./changes.ts";
import type { SqlExecutor } from "./executor.ts";
import { toUpload } from "./rows.ts";
import { db, type Schema } from "./schema.ts";

/** Uploads of all tenants, for operators. */
export function surveys(executor: SqlExecutor): Pick<UploadRecords, "survey" | "tally"> {
  return {
    async survey(filter, { limit, after }) {
      const rows = await executor.run(
        db
          .selectFrom("uploads")
          .selectAll()
          .where((eb) => eb.and(conditions(filter, eb)))
          .where("id", ">", after ?? ("" as never))
          .orderBy("id")
          .limit(limit)
          .compile(),
      );
      return rows.map(toUpload);
    },

    async tally(filter) {
      const rows = await executor.run(
        db
          .selectFrom("uploads")
          .select(({ fn }) => ["status", fn.countAll<number>().as("count")])
          .where((eb) => eb.and(conditions(filter, eb)))
          .groupBy("status")
          .compile(),
      );
      return new Map(rows.map(({ status, count }) => [status as UploadStatus, count]));
    },
  };
}

/**
 * `+` makes SQLite scan by id, so that pages need no sorting. The statuses are literals, because SQLite uses a partial
 * index only if it can prove that it applies.
 */
function conditions(
  filter: SurveyFilter,
  eb: ExpressionBuilder<Schema, "uploads">,
): Expression<SqlBool>[] {
  const { statuses, tenant, storageIds, createdAfter, createdBefore, finishedAfter } = filter;
  return [
    sql<SqlBool>`status in (${sql.join(statuses.map((status) => sql.lit(status)))})`,
    ...(tenant === undefined ? [] : [sql<SqlBool>`+tenant = ${tenant}`]),
    ...(storageIds === undefined ? [] : [inStorages(storageIds)]),
    ...(createdAfter === undefined ? [] : [eb("created_at", ">=", createdAfter)]),
    ...(createdBefore === undefined ? [] : [eb("created_at", "<=", createdBefore)]),
    ...(finishedAfter === undefined ? [] : [eb("finished_at", ">=", finishedAfter)]),
  ];
}
