import type { ApiKeyRecords } from "../../domain/ports/api-keys.ts";
import type { SqlExecutor } from "./executor.ts";
import { fromApiKey, toApiKey } from "./rows.ts";
import { db } from "./schema.ts";

/** The API keys, in the same database as the uploads. */
export function createApiKeyRecords(executor: SqlExecutor): ApiKeyRecords {
  return {
    async insert(key) {
      await executor.run(db.insertInto("api_keys").values(fromApiKey(key)).compile());
    },

    async findByHash(hash) {
      const [row] = await executor.run(
        db.selectFrom("api_keys").selectAll().where("hash", "=", hash).compile(),
      );
      return row === undefined ? null : toApiKey(row);
    },

    async list(tenant) {
      const keys = db
        .selectFrom("api_keys")
        .selectAll()
        .orderBy("created_at", "desc")
        .orderBy("id", "desc");
      const rows = await executor.run(
        (tenant === undefined ? keys : keys.where("tenant", "=", tenant)).compile(),
      );
      return rows.map(toApiKey);
    },

    async revoke(id, at) {
      const rows = await executor.run(
        db
          .updateTable("api_keys")
          .set((eb) => ({ revoked_at: eb.fn.coalesce("revoked_at", eb.val(at)) }))
          .where("id", "=", id)
          .returning("id")
          .compile(),
      );
      return rows.length > 0;
    },
  };
}
