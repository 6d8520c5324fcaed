import type { Scope } from "../principal.ts";
import type { TenantId } from "../tenant.ts";

/** A stored API key: not the key itself, only its SHA-256. */
export interface ApiKey {
  /** Public half: names the key in lists, logs and `created_by`. */
  readonly id: string;
  /** Lower-case hexadecimal SHA-256 of the whole key. It has 256 random bits: a slow hash adds nothing. */
  readonly hash: string;
  /** `null` for an operator's key. */
  readonly tenant: TenantId | null;
  readonly scopes: readonly Scope[];
  /** A name given by a person. */
  readonly label: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
}

export interface ApiKeyRecords {
  insert(key: ApiKey): Promise<void>;
  findByHash(hash: string): Promise<ApiKey | null>;
  /** Newest first; of one tenant, or all. */
  list(tenant?: TenantId): Promise<readonly ApiKey[]>;
  /**
   * Insert `successor`, and let the key `id` expire at `endsAt`, or earlier if it already does. Both or neither.
   *
   * @returns `false`, without a change, if there is no valid key `id`.
   */
  replace(id: string, successor: ApiKey, endsAt: number): Promise<boolean>;
  /** @returns `false` if there is no such key. Revoking twice keeps the first time. */
  revoke(id: string, at: number): Promise<boolean>;
}
