import type { TenantId } from "../tenant.ts";
import type { TenantChanges, TenantOverrides } from "../tenant-limits.ts";
import type { Usage } from "./records.ts";

/** A tenant with overrides or uploads. */
export interface TenantRecord {
  readonly tenant: TenantId;
  readonly overrides: TenantOverrides;
  readonly usage: Usage;
}

/** The stored data about tenants. A tenant needs no record: a credential is enough. */
export interface TenantRecords {
  /** An unknown tenant has no overrides and no usage. */
  find(tenant: TenantId): Promise<TenantRecord>;
  /** Tenants with overrides or uploads, by name, after `after`. */
  list(page: {
    readonly limit: number;
    readonly after: TenantId | null;
  }): Promise<readonly TenantRecord[]>;
  /** Change the overrides of a tenant. Concurrent changes of other overrides are kept. */
  set(tenant: TenantId, changes: TenantChanges): Promise<void>;
}
