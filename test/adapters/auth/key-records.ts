import { isAlive } from "../../../src/adapters/auth/api-key.ts";
import type { ApiKey, ApiKeyRecords } from "../../../src/domain/ports/api-keys.ts";

/** API keys kept in memory. */
export class MemoryKeyRecords implements ApiKeyRecords {
  readonly keys = new Map<string, ApiKey>();
  /** How many times a key was looked up. */
  reads = 0;

  async insert(key: ApiKey): Promise<void> {
    this.keys.set(key.id, key);
  }

  async findByHash(hash: string): Promise<ApiKey | null> {
    this.reads += 1;
    return this.#all().find((key) => key.hash === hash) ?? null;
  }

  async list(tenant?: string): Promise<readonly ApiKey[]> {
    return this.#all().filter((key) => tenant === undefined || key.tenant === tenant);
  }

  async replace(id: string, successor: ApiKey, endsAt: number): Promise<boolean> {
    const key = this.keys.get(id);
    if (key === undefined || !isAlive(key, successor.createdAt)) return false;
    this.keys.set(id, { ...key, expiresAt: Math.min(key.expiresAt ?? endsAt, endsAt) });
    this.keys.set(successor.id, successor);
    return true;
  }

  async revoke(id: string, at: number): Promise<boolean> {
    const key = this.keys.get(id);
    if (key === undefined) return false;
    this.keys.set(id, { ...key, revokedAt: key.revokedAt ?? at });
    return true;
  }

  #all(): ApiKey[] {
    return [...this.keys.values()].reverse();
  }
}
