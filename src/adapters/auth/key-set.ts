import {
  createLocalJWKSet,
  errors,
  type FlattenedJWSInput,
  type JSONWebKeySet,
  type JWTHeaderParameters,
} from "jose";
import { readAtMost } from "../../domain/bytes.ts";
import { isStowageError, StowageError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/ports/clock.ts";

type LocalKeySet = ReturnType<typeof createLocalJWKSet>;

/** Finds the key that signed a token, by its header. Throws jose's errors, or `auth_unavailable`. */
export type KeySet = (
  header: JWTHeaderParameters,
  token: FlattenedJWSInput,
) => ReturnType<LocalKeySet>;

/** From this age on newer keys are fetched in the background, so that frequent callers never wait. */
const AGEING_MS = 5 * 60_000;

/** Within this age keys are used without a fetch. A withdrawn key can stay valid for this long. */
const FRESH_MS = 10 * 60_000;

/** While the endpoint is failing, old keys keep working for this long. */
const STALE_MS = 24 * 60 * 60_000;

/** The shortest time between two calls, so that tokens with unknown keys cannot flood the endpoint. */
const COOLDOWN_MS = 30_000;

/** A caller is waiting. */
const TIMEOUT_MS = 4000;

/** Hundreds of keys. */
const MAX_BODY_BYTES = 2 ** 20;

export interface KeySetOptions {
  /** The timeout of the endpoint. */
  readonly timeoutMs?: number;
  /** Whether requests cannot share promises or background work (Workers). */
  readonly isolatedRequests?: boolean;
}

/**
 * A published key set (RFC 7517), fetched when needed and cached. An endpoint is failing if it does not respond with 200
 * and a set of keys, in time and without a redirect.
 *
 * A caller waits for the endpoint only if there are no keys, or not the right one, or if they are no longer fresh and the
 * endpoint is not known to fail. A hanging endpoint delays one caller, not all.
 *
 * `createRemoteJWKSet` of jose drops good keys when the endpoint fails after they have aged, and reads the clock of the
 * process. This is a cache of our own around jose's local key set.
 */
export function createKeySet(
  url: string,
  clock: Clock,
  fetch: typeof globalThis.fetch,
  options: KeySetOptions = {},
): KeySet {
  const set = new CachedKeySet(url, clock, fetch, options);
  return (header, token) => set.find(header, token);
}

class CachedKeySet {
  readonly #clock: Clock;
  readonly #download: () => Promise<string>;
  readonly #isolatedRequests: boolean;
  #keys: LocalKeySet | null = null;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #failure: unknown = null;
  /** Whether the latest call has ended. */
  #answered = true;
  #fetching: Promise<void> | null = null;

  constructor(
    url: string,
    clock: Clock,
    fetch: typeof globalThis.fetch,
    { timeoutMs = TIMEOUT_MS, isolatedRequests = false }: KeySetOptions,
  ) {
    this.#clock = clock;
    this.#download = () => downloadKeySet(url, fetch, timeoutMs);
    this.#isolatedRequests = isolatedRequests;
  }

  async find(...[header, token]: Parameters<KeySet>): ReturnType<LocalKeySet> {
    await this.#renew();
    try {
      return await this.#usable()(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      // Keys rotate: the missing one may have been published since.
      await this.#refresh();
      try {
        return await this.#usable()(header, token);
      } catch (second) {
        // If the key could not be looked up, it may be valid.
        const isLookedUp = this.#answered && this.#failure === null;
        throw isLookedUp || isStowageError(second) ? second : unavailable(this.#failure);
      }
    }
  }

  /** Fetch newer keys if their age calls for it. */
  async #renew(): Promise<void> {
    const now = this.#clock.now();
    const ageMs = now - this.#fetchedAt;
    if (ageMs < AGEING_MS) return;
    const isFailing = this.#failure !== null && now - this.#triedAt < FRESH_MS;
    const mayServe = ageMs < FRESH_MS || (ageMs < STALE_MS && isFailing);
    if (!mayServe) await this.#refresh();
    // An isolated request does no work after its response, so it waits.
    else if (!this.#isolatedRequests) void this.#refresh();
    else if (ageMs >= FRESH_MS) await this.#refresh();
  }

  /** Call the endpoint, unless it was called a moment ago. Never rejects: failures show in `#failure`. */
  async #refresh(): Promise<void> {
    const resting = this.#clock.now() - this.#triedAt < COOLDOWN_MS;
    if (this.#isolatedRequests) {
      // A promise of another request may never resolve in this one.
      if (!resting || (this.#keys === null && !this.#answered)) await this.#fetchKeys();
      return;
    }
    if (this.#fetching === null && resting) return;
    this.#fetching ??= this.#fetchKeys().finally(() => {
      this.#fetching = null;
    });
    await this.#fetching;
  }

  async #fetchKeys(): Promise<void> {
    this.#triedAt = this.#clock.now();
    this.#answered = false;
    try {
      this.#keys = keysIn(await this.#download());
      this.#fetchedAt = this.#clock.now();
      this.#failure = null;
    } catch (error) {
      this.#failure = error;
    }
    this.#answered = true;
  }

  #usable(): LocalKeySet {
    const isUsable = this.#clock.now() - this.#fetchedAt < STALE_MS;
    if (this.#keys !== null && isUsable) return this.#keys;
    throw unavailable(this.#failure);
  }
}

/** An empty set is a mistake: a withdrawn key is replaced by another one. */
function keysIn(text: string): LocalKeySet {
  const set = JSON.parse(text) as JSONWebKeySet;
  const found = createLocalJWKSet(set);
  if (set.keys.length === 0) throw new Error("Cannot use key set: it is empty");
  return found;
}

/** The text of a key set, as it is published. @throws With a reason in words if it does not come. */
export async function downloadKeySet(
  url: string,
  fetch: typeof globalThis.fetch,
  timeoutMs = TIMEOUT_MS,
): Promise<string> {
  const response = await fetch(url, {
    headers: { accept: "application/jwk-set+json, application/json" },
    // A redirect would lead to an address that was not configured.
    redirect: "manual",
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel();
    throw new Error(`Cannot fetch key set: status ${response.status}`);
  }
  const bytes = await readAtMost(response.body, MAX_BODY_BYTES);
  if (bytes === null) throw new Error(`Cannot fetch key set: more than ${MAX_BODY_BYTES} bytes`);
  return new TextDecoder().decode(bytes);
}

function unavailable(cause: unknown): StowageError {
  return new StowageError("auth_unavailable", "Cannot verify token: its keys cannot be fetched", {
    cause,
    retryable: true,
  });
}
