import { BoundedMap } from "../../domain/bounded-map.ts";
import { toHex } from "../../domain/bytes.ts";
import type { ApiKey, ApiKeyRecords } from "../../domain/ports/api-keys.ts";
import type { Clock, RandomSource } from "../../domain/ports/clock.ts";
import type { Hasher } from "../../domain/ports/hasher.ts";
import type { Principal, Scope } from "../../domain/principal.ts";
import type { TenantId } from "../../domain/tenant.ts";
import type { TokenAuthenticator } from "./token-authenticator.ts";

/** The prefix of every key. People and secret scanners recognize it. */
export const API_KEY_PREFIX = "stw_";

/** `stw_`, the id of the key (16 digits), 32 random bytes in base64url. */
const API_KEY = /^stw_([0-9a-f]{16})_[A-Za-z0-9_-]{43}$/;

/**
 * How long a valid key is cached. A revocation takes effect at once in the process that
 * calls `forget`, and everywhere else within this time.
 */
export const API_KEY_CACHE_MS = 2000;

/** Bounds memory. Far more keys than are used within two seconds. */
const MAX_CACHED_KEYS = 1000;

interface CachedKey {
  readonly record: ApiKey;
  readonly readAt: number;
}

/** A request for a new key. */
export interface ApiKeyRequest {
  /** `null` makes an operator's key. */
  readonly tenant: TenantId | null;
  readonly scopes: readonly Scope[];
  readonly label: string;
  /** Milliseconds since 1970, or `null` for a key without an end. */
  readonly expiresAt: number | null;
}

/**
 * Make a key. Nothing is stored: `record` goes to {@link ApiKeyRecords.insert}, `key` to its owner, once.
 *
 * @example `stw_9f86d081884c7d65_n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg`
 */
export function createApiKey(
  request: ApiKeyRequest,
  random: RandomSource,
  clock: Clock,
  hasher: Hasher,
): { readonly key: string; readonly record: ApiKey } {
  const id = toHex(random(new Uint8Array(8)));
  const key = `${API_KEY_PREFIX}${id}_${toBase64Url(random(new Uint8Array(32)))}`;
  const { tenant, scopes, label, expiresAt } = request;
  const times = { createdAt: clock.now(), expiresAt, revokedAt: null };
  return { key, record: { id, hash: hashKey(key, hasher), tenant, scopes, label, ...times } };
}

/** The public half of a key, or `null` if `text` is not a key. */
export function findApiKeyId(text: string): string | null {
  return API_KEY.exec(text)?.[1] ?? null;
}

/** Verifies API keys. */
export interface ApiKeyAuthenticator extends TokenAuthenticator {
  /** Clear the cache. Call this after revoking a key in this process. */
  forget(): void;
}

/**
 * Verify API keys by their records.
 *
 * A valid key is cached for {@link API_KEY_CACHE_MS}, and concurrent callers share one read. Unknown keys are not cached,
 * so a new key works at once.
 */
export function createApiKeyAuthenticator(
  records: Pick<ApiKeyRecords, "findByHash">,
  hasher: Hasher,
  clock: Clock,
): ApiKeyAuthenticator {
  const newCache = () => new BoundedMap<string, CachedKey>(MAX_CACHED_KEYS);
  let known = newCache();
  let reads = new Map<string, Promise<ApiKey | null>>();

  async function read(hash: string, into: typeof known): Promise<ApiKey | null> {
    const readAt = clock.now();
    const record = await records.findByHash(hash);
    if (record === null) return null;
    into.set(hash, { record, readAt });
    return record;
  }

  function find(hash: string): Promise<ApiKey | null> {
    const entry = known.get(hash);
    const ageMs = entry === undefined ? -1 : clock.now() - entry.readAt;
    // After the clock was set back, the age is negative: read again.
    if (entry !== undefined && ageMs >= 0 && ageMs < API_KEY_CACHE_MS) {
      return Promise.resolve(entry.record);
    }
    known.delete(hash);
    const pending = reads.get(hash);
    if (pending !== undefined) return pending;
    // `forget` replaces both maps, so the result of an earlier read is not cached.
    const readsNow = reads;
    const started = read(hash, known).finally(() => readsNow.delete(hash));
    reads.set(hash, started);
    return started;
  }

  return {
    async authenticate(token) {
      if (!API_KEY.test(token)) return null;
      const record = await find(hashKey(token, hasher));
      return record === null || !isAlive(record, clock.now()) ? null : principalOf(record);
    },
    forget() {
      known = newCache();
      reads = new Map();
    },
  };
}

/** Whether `key` is valid at the time `now`. */
export function isAlive(key: ApiKey, now: number): boolean {
  return key.revokedAt === null && (key.expiresAt === null || now < key.expiresAt);
}

function principalOf(key: ApiKey): Principal {
  const subject = `key:${key.id}`;
  if (key.tenant === null) return { kind: "operator", subject };
  return { kind: "tenant", tenant: key.tenant, subject, scopes: new Set(key.scopes) };
}

function hashKey(key: string, hasher: Hasher): string {
  const hash = hasher("sha256");
  hash.update(new TextEncoder().encode(key));
  return toHex(hash.digest());
}

function toBase64Url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
