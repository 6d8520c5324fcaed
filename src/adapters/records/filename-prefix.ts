import { type Expression, type SqlBool, sql } from "kysely";
import type { TenantId } from "../../domain/tenant.ts";
import { firstAfterPrefix } from "../../domain/utf8-order.ts";
import type { SqlExecutor } from "./executor.ts";
import { db } from "./schema.ts";

/**
 * So many uploads can be sorted without delay (2,000 take 1 ms). If more filenames begin like this, a scan from the
 * newest upload soon finds enough of them.
 */
const RARE = 2_000;

/**
 * The condition for uploads of `tenant` whose filename begins with `prefix`, compared exactly.
 *
 * A few uploads are found by the index of filenames; many by a condition on the scan of all uploads of the tenant.
 * SQLite plans without the values and cannot choose, so a `+` disables the other index.
 */
export async function beginningWith(
  executor: SqlExecutor,
  tenant: TenantId,
  prefix: string,
): Promise<Expression<SqlBool>> {
  // A lone surrogate would be bound as U+FFFD, which filenames may contain.
  if (!prefix.isWellFormed()) return sql<SqlBool>`1 = 0`;
  const named = sql<SqlBool>`tenant = ${tenant} and ${between("filename", prefix)}`;
  const [found] = await executor.run(
    sql<{ readonly n: number }>`
      select count(*) as n from (select 1 from uploads where ${named} limit ${RARE})`.compile(db),
  );
  return (found?.n ?? 0) < RARE
    ? sql<SqlBool>`+tenant = ${tenant} and id in (select id from uploads where ${named})`
    : sql<SqlBool>`tenant = ${tenant} and ${between("+filename", prefix)}`;
}

/** Not LIKE: it ignores ASCII case, has wildcards, and is limited to 50 bytes on D1. */
function between(column: "filename" | "+filename", prefix: string): Expression<SqlBool> {
  const name = sql.raw(column);
  const after = firstAfterPrefix(prefix);
  return after === null
    ? sql<SqlBool>`${name} >= ${prefix}`
    : sql<SqlBool>`${name} >= ${prefix} and ${name} < ${after}`;
}
