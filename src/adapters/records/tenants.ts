import { type RawBuilder, sql } from "kysely";
import type { Clock } from "../../domain/ports/clock.ts";
import type { TenantRecord, TenantRecords } from "../../domain/ports/tenants.ts";
import type { TenantId } from "../../domain/tenant.ts";
import type { TenantChanges } from "../../domain/tenant-limits.ts";
import type { SqlExecutor } from "./executor.ts";
import { db } from "./schema.ts";

/** The tenants, in the same database as the uploads. */
export function createTenantRecords(executor: SqlExecutor, clock: Clock): TenantRecords {
  return {
    async find(tenant) {
      const rows = await executor.run(selectTenants(sql`select ${tenant} as tenant`));
      return toTenant(rows[0] as TenantRow);
    },

    async list({ limit, after }) {
      const beyond = after ?? "";
      // Both parts are in index order, so SQLite merges them without sorting.
      const names = sql`
        select tenant from usage where tenant > ${beyond}
        union select id from tenants where id > ${beyond}
        order by tenant limit ${limit}`;
      return (await executor.run(selectTenants(names))).map(toTenant);
    },

    async set(tenant, changes) {
      const now = clock.now();
      await executor.batch([
        db
          .insertInto("tenants")
          .values({ id: tenant, overrides: "{}", created_at: now, updated_at: now })
          .onConflict((conflict) => conflict.doNothing())
          .compile(),
        db
          .updateTable("tenants")
          .set({ overrides: changed(changes), updated_at: now })
          .where("id", "=", tenant)
          .compile(),
        db.deleteFrom("tenants").where("id", "=", tenant).where("overrides", "=", "{}").compile(),
      ]);
    },
  };
}

/** The overrides after the changes, computed in the database: no concurrent change is lost. */
function changed(changes: TenantChanges): RawBuilder<string> {
  const entries = Object.entries(changes).map(([name, value]) => ({ path: `$.${name}`, value }));
  const removed = entries.filter(({ value }) => value === undefined);
  const added = entries.filter(({ value }) => value !== undefined);
  const parts = [
    sql`json_remove(${sql.join([sql.ref("overrides"), ...removed.map(({ path }) => path)])})`,
    ...added.flatMap(({ path, value }) => [sql`${path}`, sql`json(${JSON.stringify(value)})`]),
  ];
  return sql<string>`json_set(${sql.join(parts)})`;
}

interface TenantRow {
  readonly tenant: TenantId;
  readonly overrides: string | null;
  readonly bytes: number;
  readonly uploads: number;
}

/** @param names A query of one column, `tenant`. */
function selectTenants(names: ReturnType<typeof sql>) {
  return sql<TenantRow>`
    select names.tenant, tenants.overrides,
      coalesce(usage.bytes, 0) as bytes, coalesce(usage.uploads, 0) as uploads
    from (${names}) as names
    left join tenants on tenants.id = names.tenant
    left join usage on usage.tenant = names.tenant
    order by names.tenant`.compile(db);
}

function toTenant({ tenant, overrides, bytes, uploads }: TenantRow): TenantRecord {
  return {
    tenant,
    overrides: overrides === null ? {} : JSON.parse(overrides),
    usage: { bytes, uploads },
  };
}
