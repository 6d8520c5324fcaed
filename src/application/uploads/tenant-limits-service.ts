import type { Clock } from "../../domain/ports/clock.ts";
import type { TenantRecords } from "../../domain/ports/tenants.ts";
import type { TenantId } from "../../domain/tenant.ts";
import { limitsWith, type TenantLimits, type TenantOverrides } from "../../domain/tenant-limits.ts";

/** How long what was read is believed: what an operator says takes effect everywhere within this time. */
export const TENANT_CACHE_MS = 2000;

/**
 * How long it is believed where the database does not answer, which then is no reason to stop downloads
 * and to refuse what needs no record.
 */
const BELIEVED_IN_TROUBLE_MS = 60_000;

/** Tenants remembered at once: a bound on memory, far above those that call within two seconds. */
const MAX_REMEMBERED = 1000;

/** What applies to each tenant: the configuration, and what operators have said about some. */
export class TenantLimitsService {
  readonly #tenants: Pick<TenantRecords, "find">;
  readonly #configured: TenantLimits;
  readonly #clock: Clock;
  /** In the order in which they were read. */
  readonly #known = new Map<
    TenantId,
    { readonly said: TenantOverrides; readonly readAt: number }
  >();

  constructor(parts: {
    readonly tenants: Pick<TenantRecords, "find">;
    readonly configured: TenantLimits;
    readonly clock: Clock;
  }) {
    this.#tenants = parts.tenants;
    this.#configured = parts.configured;
    this.#clock = parts.clock;
  }

  /**
   * What applies to a tenant now, give or take {@link TENANT_CACHE_MS}.
   *
   * @throws {StowageError} `records_unavailable` if that cannot be read and was not read lately.
   */
  async of(tenant: TenantId): Promise<TenantLimits> {
    const known = this.#youngerThan(TENANT_CACHE_MS, tenant);
    return limitsWith(this.#configured, known ?? (await this.#read(tenant)));
  }

  /** Callers that arrive together each read: requests may share no promise on Workers, and it is one row. */
  async #read(tenant: TenantId): Promise<TenantOverrides> {
    const readAt = this.#clock.now();
    try {
      const { overrides } = await this.#tenants.find(tenant);
      this.#remember(tenant, overrides, readAt);
      return overrides;
    } catch (error) {
      const known = this.#youngerThan(BELIEVED_IN_TROUBLE_MS, tenant);
      if (known === null) throw error;
      return known;
    }
  }

  #remember(tenant: TenantId, said: TenantOverrides, readAt: number): void {
    this.#known.delete(tenant);
    const oldest = this.#known.size < MAX_REMEMBERED ? undefined : this.#known.keys().next().value;
    if (oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(tenant, { said, readAt });
  }

  #youngerThan(limitMs: number, tenant: TenantId): TenantOverrides | null {
    const entry = this.#known.get(tenant);
    if (entry === undefined) return null;
    const ageMs = this.#clock.now() - entry.readAt;
    // A clock that was set back (a negative age) must not lengthen what is believed.
    return ageMs >= 0 && ageMs < limitMs ? entry.said : null;
  }
}
