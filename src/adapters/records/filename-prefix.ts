import { type Expression, type SqlBool, sql } from "kysely";
import type { TenantId } from "../../domain/tenant.ts";
import { firstBehind } from "../../domain/utf8-order.ts";
import type { SqlExecutor } from "./executor.ts";
import { db } from "./schema.ts";

/**
 * So many uploads are put in order before anybody waits (2,000 take 1 ms). Where more of them begin alike, a
 * walk from the newest on soon meets enough of them.
 */
const RARE = 2_000;

/**
 * What must be true of the uploads of `tenant` whose filename begins with `prefix`, compared exactly.
 *
 * They are found by the index of filenames where they are few, and else by one condition more on the walk
 * through all uploads of the tenant. SQLite cannot choose by itself, since it plans without looking at
 * values: `+` keeps it from the other way.
 */
export async function beginningWith(
  executor: SqlExecutor,
  tenant: TenantId,
  prefix: string,
): Promise<Expression<SqlBool>> {
  // A lone surrogate is bound as U+FFFD, which a filename may well hold.
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

/** LIKE would fold ASCII case, know wildcards, and take 50 bytes on D1. */
function between(column: "filename" | "+filename", prefix: string): Expression<SqlBool> {
  const name = sql.raw(column);
  const behind = firstBehind(prefix);
  return behind === null
    ? sql<SqlBool>`${name} >= ${prefix}`
    : sql<SqlBool>`${name} >= ${prefix} and ${name} < ${behind}`;
}
