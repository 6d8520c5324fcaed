import { sql } from "kysely";
import type { UploadRecords } from "../../domain/ports/records.ts";
import type { Tombstone } from "../../domain/ports/upkeep-records.ts";
import type { UploadCondition } from "./changes.ts";
import type { SqlExecutor } from "./executor.ts";
import { db } from "./schema.ts";

/** Where a late writer of an abandoned upload may still write. */
export function tombstones(
  executor: SqlExecutor,
): Pick<UploadRecords, "tombstones" | "dropTombstones"> {
  return {
    async tombstones(storageId, limit, after) {
      const all = db.selectFrom("tombstones").selectAll().where("storage_id", "=", storageId);
      const rest =
        after === undefined
          ? all
          : all.where((eb) =>
              eb(eb.refTuple("until", "key"), ">", eb.tuple(after.until, after.key)),
            );
      const rows = await executor.run(rest.orderBy("until").orderBy("key").limit(limit).compile());
      return rows.map(({ storage_id: storageId, key, until }) => ({ storageId, key, until }));
    },

    async dropTombstones(storageId, moment) {
      const rows = await executor.run(
        db
          .deleteFrom("tombstones")
          .where("storage_id", "=", storageId)
          .where("until", "<", moment)
          .returning("until")
          .compile(),
      );
      return rows.length;
    },
  };
}

/** Only if `condition` selects a row: of two concurrent deletes, the second leaves no tombstone. */
export function leaveTombstone({ storageId, key, until }: Tombstone, condition: UploadCondition) {
  return db
    .insertInto("tombstones")
    .columns(["storage_id", "key", "until"])
    .expression(
      db
        .selectFrom("uploads")
        .select((eb) => [
          eb.val(storageId).as("storage_id"),
          eb.val(key).as("key"),
          eb.val(until).as("until"),
        ])
        .where(condition),
    )
    .onConflict((conflict) =>
      conflict
        .columns(["storage_id", "key"])
        .doUpdateSet({ until: sql`max(tombstones.until, excluded.until)` }),
    )
    .compile();
}
