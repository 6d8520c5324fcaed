import type { Clock } from "../../domain/ports/clock.ts";
import type { UploadRecords } from "../../domain/ports/records.ts";
import type { SqlExecutor } from "./executor.ts";
import { db } from "./schema.ts";

/** What lies where, and whether the database itself is well. */
export function storages(
  executor: SqlExecutor,
  clock: Clock,
): Pick<UploadRecords, "noteStorage" | "storageUsage" | "check"> {
  return {
    async noteStorage(storageId, display) {
      await executor.run(
        db
          .insertInto("storages")
          .values({ storage_id: storageId, display })
          .onConflict((conflict) => conflict.column("storage_id").doUpdateSet({ display }))
          .compile(),
      );
    },

    async storageUsage() {
      const rows = await executor.run(
        db
          .selectFrom("uploads")
          .leftJoin("storages", "storages.storage_id", "uploads.storage_id")
          .select((eb) => [
            "uploads.storage_id as storageId",
            // One that was never opened here is named by what is known of it.
            eb.fn.coalesce("storages.display", "uploads.storage_id").as("display"),
            eb.fn.countAll<number>().as("uploads"),
          ])
          .groupBy("uploads.storage_id")
          .orderBy("uploads.storage_id")
          .compile(),
      );
      return rows.map((row) => ({ ...row }));
    },

    async check() {
      const value = String(clock.now());
      await executor.run(
        db
          .insertInto("meta")
          .values({ name: "checked_at", value })
          .onConflict((conflict) => conflict.column("name").doUpdateSet({ value }))
          .compile(),
      );
    },
  };
}
