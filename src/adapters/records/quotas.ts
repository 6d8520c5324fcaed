import { type Expression, type RawBuilder, type SqlBool, sql } from "kysely";
import { StowageError } from "../../domain/errors.ts";
import type { Quota, Usage } from "../../domain/ports/records.ts";
import type { TenantId } from "../../domain/tenant.ts";

/** The usage of a tenant, as a number within a query. */
export function usage(tenant: TenantId, what: keyof Usage): RawBuilder<number> {
  return sql<number>`coalesce((select ${sql.ref(what)} from usage where tenant = ${tenant}), 0)`;
}

/**
 * The conditions under which `bytes` more fit into the quota. Use them in the query that adds the bytes.
 *
 * @param freed What the same batch gives back.
 */
export function fitsQuota(
  tenant: TenantId,
  bytes: number | Expression<unknown>,
  quota: Quota,
  freed: Readonly<Record<keyof Usage, number | Expression<unknown>>> = { bytes: 0, uploads: 0 },
): Expression<SqlBool>[] {
  return [
    ...(quota.bytes === null
      ? []
      : [sql<SqlBool>`${usage(tenant, "bytes")} - ${freed.bytes} + ${bytes} <= ${quota.bytes}`]),
    ...(quota.uploads === null
      ? []
      : [sql<SqlBool>`${usage(tenant, "uploads")} - ${freed.uploads} < ${quota.uploads}`]),
  ];
}

/** @param askedBytes What the upload needs in addition to the current usage. */
export function quotaExceeded(usage: Usage, quota: Quota, askedBytes: number): StowageError {
  const advice = "delete uploads, or ask the operator for a larger quota";
  if (quota.uploads !== null && usage.uploads >= quota.uploads) {
    return new StowageError(
      "quota_exceeded",
      `Cannot store upload: ${usage.uploads} of ${quota.uploads} uploads are in use (${advice})`,
      { data: { limit: "uploads", usedUploads: usage.uploads, quotaUploads: quota.uploads } },
    );
  }
  return new StowageError(
    "quota_exceeded",
    `Cannot store upload: it needs ${askedBytes} bytes, and ${usage.bytes} of ${quota.bytes} are in use (${advice})`,
    { data: { limit: "bytes", usedBytes: usage.bytes, quotaBytes: quota.bytes, askedBytes } },
  );
}
