import { sql } from "kysely";
import type { UploadRecords } from "../../domain/ports/records.ts";
import type { SqlExecutor } from "./executor.ts";
import { db } from "./schema.ts";

const SELECT_USAGE = db
  .selectFrom("uploads")
  .leftJoin("storages", "storages.storage_id", "uploads.storage_id")
  .select((eb) => [
    "uploads.storage_id as storageId",
    // A storage that was never opened here has only its id.
    eb.fn.coalesce("storages.display", "uploads.storage_id").as("display"),
    eb.fn.countAll<number>().as("uploads"),
  ])
  .groupBy("uploads.storage_id")
  .orderBy("uploads.storage_id")
  .compile();

/** The known storages, secrets, and the check of the database. */
export function storages(
  executor: SqlExecutor,
): Pick<UploadRecords, "noteStorage" | "dropStorage" | "storageUsage" | "secret" | "check"> {
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

    async dropStorage(storageId) {
      // Results and events go with their uploads (ON DELETE CASCADE).
      const [rows] = await executor.batch([
        db.deleteFrom("uploads").where("storage_id", "=", storageId).returning("id").compile(),
        db.deleteFrom("tombstones").where("storage_id", "=", storageId).compile(),
        db.deleteFrom("storages").where("storage_id", "=", storageId).compile(),
      ]);
      return rows.length;
    },

    async storageUsage() {
      return (await executor.run(SELECT_USAGE)).map((row) => ({ ...row }));
    },

    async secret(name, fresh) {
      const row = { name: `secret:${name}`, value: fresh };
      const select = db.selectFrom("meta").select("value").where("name", "=", row.name).compile();
      const [known] = await executor.run(select);
      if (known !== undefined) return known.value;
      const [, [stored]] = await executor.batch([
        db
          .insertInto("meta")
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .compile(),
        select,
      ]);
      return stored?.value ?? fresh;
    },

    async check() {
      // A new value each time: writing the same value would not touch the disk.
      await executor.run(
        db
          .insertInto("meta")
          .values({ name: "checks", value: "1" })
          .onConflict((conflict) =>
            conflict.column("name").doUpdateSet({ value: sql`meta.value + 1` }),
          )
          .compile(),
      );
    },
  };
}
