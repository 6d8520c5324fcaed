import { sql } from "kysely";
import type { Clock } from "../../domain/ports/clock.ts";
import type { TenantRecord, TenantRecords } from "../../domain/ports/tenants.ts";
import type { TenantId } from "../../domain/tenant.ts";
import type { SqlExecutor } from "./executor.ts";
import { db } from "./schema.ts";

/** The tenants, in the same database as the uploads. */
export function createTenantRecords(executor: SqlExecutor, clock: Clock): TenantRecords {
  return {
    async find(tenant) {
      const [row] = await executor.run(selectTenants(sql`select ${tenant} as tenant`));
      return row === undefined ? nobody(tenant) : toTenant(row);
    },

    async list({ limit, after }) {
      const beyond = after ?? "";
      // Both parts come in the order of their index: SQLite merges them without sorting.
      const names = sql`
        select tenant from usage where tenant > ${beyond}
        union select id from tenants where id > ${beyond}
        order by tenant limit ${limit}`;
      return (await executor.run(selectTenants(names))).map(toTenant);
    },

    async set(tenant, overrides) {
      if (Object.keys(overrides).length === 0) {
        await executor.run(db.deleteFrom("tenants").where("id", "=", tenant).compile());
        return;
      }
      const now = clock.now();
      const said = { overrides: JSON.stringify(overrides), updated_at: now };
      await executor.run(
        db
          .insertInto("tenants")
          .values({ id: tenant, ...said, created_at: now })
          .onConflict((conflict) => conflict.column("id").doUpdateSet(said))
          .compile(),
      );
    },
  };
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

function nobody(tenant: TenantId): TenantRecord {
  return { tenant, overrides: {}, usage: { bytes: 0, uploads: 0 } };
}
