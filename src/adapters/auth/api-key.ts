import { toHex } from "../../domain/bytes.ts";
import type { ApiKey, ApiKeyRecords } from "../../domain/ports/api-keys.ts";
import type { Clock, RandomSource } from "../../domain/ports/clock.ts";
import type { Hasher } from "../../domain/ports/hasher.ts";
import type { Principal, Scope } from "../../domain/principal.ts";
import type { TenantId } from "../../domain/tenant.ts";
import type { TokenAuthenticator } from "./token-authenticator.ts";

/** How every key begins, so that people and secret scanners know one when they see it. */
export const API_KEY_PREFIX = "stw_";

/** `stw_`, 16 digits that name the key, 32 random bytes in base64url. */
const API_KEY = /^stw_([0-9a-f]{16})_[A-Za-z0-9_-]{43}$/;

/**
 * How long a key that was found good is believed. A revocation takes effect at once in the process that
 * calls `forget`, and everywhere else within this time.
 */
export const API_KEY_CACHE_MS = 2000;

/** Keys believed at once: a bound on memory, far above the keys used within two seconds. */
const MAX_CACHED_KEYS = 1000;

/** What a new key is for. */
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

/** The public half of a key, or `null` if `text` is none. */
export function findApiKeyId(text: string): string | null {
  return API_KEY.exec(text)?.[1] ?? null;
}

/** Judges API keys. */
export interface ApiKeyAuthenticator extends TokenAuthenticator {
  /** Believe nothing that was read before: call it after a key was revoked in this process. */
  forget(): void;
}

/**
 * Judge API keys by their records.
 *
 * A good key is believed for {@link API_KEY_CACHE_MS} without another read, and callers that arrive
 * together share one read. Keys that are not found are never remembered: a new one works at once.
 */
export function createApiKeyAuthenticator(
  records: Pick<ApiKeyRecords, "findByHash">,
  hasher: Hasher,
  clock: Clock,
): ApiKeyAuthenticator {
  let known = new Map<string, { readonly record: ApiKey; readonly readAt: number }>();
  let reads = new Map<string, Promise<ApiKey | null>>();

  async function read(hash: string, into: typeof known): Promise<ApiKey | null> {
    const readAt = clock.now();
    const record = await records.findByHash(hash);
    if (record === null) return null;
    const oldest = into.size < MAX_CACHED_KEYS ? undefined : into.keys().next().value;
    if (oldest !== undefined) into.delete(oldest);
    into.set(hash, { record, readAt });
    return record;
  }

  function find(hash: string): Promise<ApiKey | null> {
    const entry = known.get(hash);
    const ageMs = entry === undefined ? -1 : clock.now() - entry.readAt;
    // A clock that was set back (a negative age) must not lengthen a key's life.
    if (entry !== undefined && ageMs >= 0 && ageMs < API_KEY_CACHE_MS) {
      return Promise.resolve(entry.record);
    }
    known.delete(hash);
    const pending = reads.get(hash);
    if (pending !== undefined) return pending;
    // `forget` replaces both maps: what a read from before it finds is then kept nowhere.
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
      known = new Map();
      reads = new Map();
    },
  };
}

/** Whether `key` counts at the time `now`. */
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
