import { type Expression, type RawBuilder, type SqlBool, sql } from "kysely";
import { StowageError } from "../../domain/errors.ts";
import type { Quota, Usage } from "../../domain/ports/records.ts";
import type { TenantId } from "../../domain/tenant.ts";

/** What a tenant keeps, as a number within a query. */
export function kept(tenant: TenantId, what: keyof Usage): RawBuilder<number> {
  return sql<number>`coalesce((select ${sql.ref(what)} from usage where tenant = ${tenant}), 0)`;
}

/** What must be true for `bytes` more to fit into the quota: to be asked in the query that adds them. */
export function fits(
  tenant: TenantId,
  bytes: number | Expression<unknown>,
  quota: Quota,
): Expression<SqlBool>[] {
  return [
    ...(quota.bytes === null
      ? []
      : [sql<SqlBool>`${kept(tenant, "bytes")} + ${bytes} <= ${quota.bytes}`]),
    ...(quota.uploads === null
      ? []
      : [sql<SqlBool>`${kept(tenant, "uploads")} < ${quota.uploads}`]),
  ];
}

/** @param askedBytes What the upload needs besides what is kept. */
export function quotaExceeded(usage: Usage, quota: Quota, askedBytes: number): StowageError {
  const advice = "delete uploads, or ask the operator for more";
  if (quota.uploads !== null && usage.uploads >= quota.uploads) {
    return new StowageError(
      "quota_exceeded",
      `Cannot keep upload: ${usage.uploads} uploads are kept and ${quota.uploads} are allowed (${advice})`,
      { data: { limit: "uploads", usedUploads: usage.uploads, quotaUploads: quota.uploads } },
    );
  }
  return new StowageError(
    "quota_exceeded",
    `Cannot keep upload: ${usage.bytes} bytes are kept, ${quota.bytes} are allowed, and it needs ${askedBytes} more (${advice})`,
    { data: { limit: "bytes", usedBytes: usage.bytes, quotaBytes: quota.bytes, askedBytes } },
  );
}
