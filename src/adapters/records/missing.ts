import { type SqlBool, sql } from "kysely";
import type { Clock } from "../../domain/ports/clock.ts";
import type { UploadRecords } from "../../domain/ports/records.ts";
import type { SqlExecutor } from "./executor.ts";
import { toUpload } from "./rows.ts";
import { db } from "./schema.ts";

/** The condition of the partial index `uploads_missing`. */
const IS_MISSING = sql<SqlBool>`missing_since is not null`;

/** Uploads whose file is missing. Invisible to callers: neither revision nor events change. */
export function missing(
  executor: SqlExecutor,
  clock: Clock,
): Pick<UploadRecords, "noteMissing" | "missingFiles" | "countMissing"> {
  return {
    async noteMissing({ id, tenant, storageId, key }, isMissing) {
      const rows = await executor.run(
        db
          .updateTable("uploads")
          .set({ missing_since: isMissing ? clock.now() : null })
          .where((eb) => eb.and({ id, tenant, storage_id: storageId, key }))
          .where("status", "not in", ["uploading", "deleting"])
          .where("missing_since", isMissing ? "is" : "is not", null)
          .returning("id")
          .compile(),
      );
      return rows.length > 0;
    },

    async missingFiles(storageId, { limit, after }) {
      const rows = await executor.run(
        db
          .selectFrom("uploads")
          .selectAll()
          .where("storage_id", "=", storageId)
          .where(IS_MISSING)
          .where("status", "<>", "deleting")
          .where("id", ">", after ?? ("" as never))
          .orderBy("id")
          .limit(limit)
          .compile(),
      );
      return rows.map(toUpload);
    },

    async countMissing() {
      const rows = await executor.run(
        db
          .selectFrom("uploads")
          .select(({ fn }) => ["storage_id", fn.countAll<number>().as("files")])
          .where(IS_MISSING)
          .where("status", "<>", "deleting")
          .groupBy("storage_id")
          .compile(),
      );
      return new Map(rows.map(({ storage_id, files }) => [storage_id, files]));
    },
  };
}
