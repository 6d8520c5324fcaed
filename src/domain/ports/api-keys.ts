import type { Scope } from "../principal.ts";
import type { TenantId } from "../tenant.ts";

/** An API key as it is kept: never the key itself, only the SHA-256 of its secret. */
export interface ApiKey {
  /** Public half: names the key in lists, logs and `created_by`. */
  readonly id: string;
  /** Lower-case hexadecimal SHA-256 of the whole key. It has 256 random bits: a slow hash adds nothing. */
  readonly hash: string;
  /** `null` for an operator's key. */
  readonly tenant: TenantId | null;
  readonly scopes: readonly Scope[];
  /** What a person called it. */
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
   * Insert `successor`, and let the key `id` expire at `endsAt` unless it does sooner: both or neither.
   *
   * @returns `false`, and nothing has changed, if no such key counts when the successor is made.
   */
  replace(id: string, successor: ApiKey, endsAt: number): Promise<boolean>;
  /** @returns `false` if there is no such key. Revoking twice keeps the first time. */
  revoke(id: string, at: number): Promise<boolean>;
}
