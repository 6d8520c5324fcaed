import { sql } from "kysely";
import type { Clock } from "../../domain/ports/clock.ts";
import type { UploadRecords } from "../../domain/ports/records.ts";
import { notExpired, theOne } from "./changes.ts";
import type { SqlExecutor } from "./executor.ts";
import { toUpload } from "./rows.ts";
import { db } from "./schema.ts";

/** Changes of an upload that keep its status. */
export function updates(executor: SqlExecutor, clock: Clock): Pick<UploadRecords, "update"> {
  return {
    async update(tenant, id, { metadata, expiresAt }, revision) {
      const now = clock.now();
      const [row] = await executor.run(
        db
          .updateTable("uploads")
          .set({
            // Kysely leaves out what is undefined.
            metadata: metadata === undefined ? undefined : JSON.stringify(metadata),
            expires_at: expiresAt,
            revision: sql`revision + 1`,
            updated_at: now,
          })
          .where((eb) => theOne(eb, tenant, id, revision))
          .where("status", "not in", ["uploading", "deleting"])
          .where(notExpired(now))
          .returningAll()
          .compile(),
      );
      return row === undefined ? null : toUpload(row);
    },
  };
}
