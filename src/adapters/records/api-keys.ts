import { type SqlBool, sql } from "kysely";
import type { ApiKeyRecords } from "../../domain/ports/api-keys.ts";
import type { SqlExecutor } from "./executor.ts";
import { fromApiKey, toApiKey } from "./rows.ts";
import { type ApiKeyRow, db } from "./schema.ts";

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

    async replace(id, successor, endsAt) {
      const row = fromApiKey(successor);
      // Both queries check the old key, so the one that lets it expire comes last.
      const [inserted] = await executor.batch([
        db
          .insertInto("api_keys")
          .columns(columnsOf(row))
          .expression(
            db
              .selectFrom("api_keys")
              .select((eb) => columnsOf(row).map((column) => eb.val(row[column]).as(column)))
              .where(counts(id, successor.createdAt)),
          )
          .returning("id")
          .compile(),
        db
          .updateTable("api_keys")
          .set({ expires_at: sql`min(coalesce(expires_at, ${endsAt}), ${endsAt})` })
          .where(counts(id, successor.createdAt))
          .compile(),
      ]);
      return inserted.length > 0;
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

function columnsOf(row: ApiKeyRow): (keyof ApiKeyRow)[] {
  return Object.keys(row) as (keyof ApiKeyRow)[];
}

/** Whether a key is valid at the time `now`, in SQL. */
function counts(id: string, now: number) {
  return sql<SqlBool>`id = ${id} and revoked_at is null and (expires_at is null or expires_at > ${now})`;
}
