import type { TenantId } from "../tenant.ts";
import type { TenantChanges, TenantOverrides } from "../tenant-limits.ts";
import type { Usage } from "./records.ts";

/** A tenant that operators, or its uploads, have made known. */
export interface TenantRecord {
  readonly tenant: TenantId;
  readonly overrides: TenantOverrides;
  readonly usage: Usage;
}

/** What is kept about tenants. A tenant needs no record: its credential makes it one. */
export interface TenantRecords {
  /** One that nobody knows has no overrides and keeps nothing. */
  find(tenant: TenantId): Promise<TenantRecord>;
  /** Those with overrides or uploads, by name, beginning after `after`. */
  list(page: {
    readonly limit: number;
    readonly after: TenantId | null;
  }): Promise<readonly TenantRecord[]>;
  /** Change what is said about a tenant. What `changes` leaves out stays as it is, whoever else changes it. */
  set(tenant: TenantId, changes: TenantChanges): Promise<void>;
}
