import { BoundedMap } from "../../domain/bounded-map.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { TenantRecords } from "../../domain/ports/tenants.ts";
import type { TenantId } from "../../domain/tenant.ts";
import { limitsWith, type TenantLimits, type TenantOverrides } from "../../domain/tenant-limits.ts";

/** How long overrides are cached: a change of an operator takes effect everywhere within this time. */
export const TENANT_CACHE_MS = 2000;

/** How long cached overrides are used while the database is unavailable, so that downloads go on. */
const STALE_MS = 60_000;

/** Bounds memory. Far more tenants than call within two seconds. */
const MAX_CACHED = 1000;

interface CachedOverrides {
  readonly overrides: TenantOverrides;
  readonly readAt: number;
}

interface TenantLimitsServiceDeps {
  readonly tenants: Pick<TenantRecords, "find">;
  readonly configured: TenantLimits;
  readonly clock: Clock;
}

/** The limits of each tenant: the configuration, and the overrides of operators. */
export class TenantLimitsService {
  readonly #deps: TenantLimitsServiceDeps;
  readonly #cache = new BoundedMap<TenantId, CachedOverrides>(MAX_CACHED);

  constructor(deps: TenantLimitsServiceDeps) {
    this.#deps = Object.freeze({ ...deps });
  }

  /**
   * The limits of a tenant, at most {@link TENANT_CACHE_MS} old.
   *
   * @throws {StowageError} `records_unavailable` if they cannot be read and were not read recently.
   */
  async of(tenant: TenantId): Promise<TenantLimits> {
    const cached = this.#youngerThan(TENANT_CACHE_MS, tenant);
    return limitsWith(this.#deps.configured, cached ?? (await this.#read(tenant)));
  }

  /** Concurrent callers each read: on Workers requests cannot share a promise, and it is one row. */
  async #read(tenant: TenantId): Promise<TenantOverrides> {
    const readAt = this.#deps.clock.now();
    try {
      const { overrides } = await this.#deps.tenants.find(tenant);
      this.#cache.set(tenant, { overrides, readAt });
      return overrides;
    } catch (error) {
      const cached = this.#youngerThan(STALE_MS, tenant);
      if (cached === null) throw error;
      return cached;
    }
  }

  #youngerThan(limitMs: number, tenant: TenantId): TenantOverrides | null {
    const entry = this.#cache.get(tenant);
    if (entry === undefined) return null;
    const ageMs = this.#deps.clock.now() - entry.readAt;
    // After the clock was set back, the age is negative: read again.
    return ageMs >= 0 && ageMs < limitMs ? entry.overrides : null;
  }
}
