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
 * jose's own `createRemoteJWKSet` forgets good keys when the endpoint falls sick after they have aged,
 * and reads the process's clock; this one is a cache of ours around jose's local key set.
 */
export function createKeySet(
  url: string,
  clock: Clock,
  fetch: typeof globalThis.fetch,
  { timeoutMs = TIMEOUT_MS, isolatedRequests = false }: KeySetOptions = {},
): KeySet {
  let keys: LocalKeySet | null = null;
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let failure: unknown = null;
  /** Whether the latest call has come to an end. */
  let answered = true;
  let fetching: Promise<void> | null = null;

  async function fetchKeys(): Promise<void> {
    triedAt = clock.now();
    answered = false;
    try {
      keys = keysIn(await downloadKeySet(url, fetch, timeoutMs));
      fetchedAt = clock.now();
      failure = null;
    } catch (error) {
      failure = error;
    }
    answered = true;
  }

  /** Ask the endpoint, unless it was asked a moment ago. Never rejects: trouble shows in `failure`. */
  async function refresh(): Promise<void> {
    const resting = clock.now() - triedAt < COOLDOWN_MS;
    if (isolatedRequests) {
      // What another request waits for may never come to this one.
      if (!resting || (keys === null && !answered)) await fetchKeys();
      return;
    }
    if (fetching === null && resting) return;
    fetching ??= fetchKeys().finally(() => {
      fetching = null;
    });
    await fetching;
  }

  /** Ask for newer keys as the age of these demands. */
  async function renew(): Promise<void> {
    const now = clock.now();
    const ageMs = now - fetchedAt;
    if (ageMs < AGEING_MS) return;
    const isFailing = failure !== null && now - triedAt < FRESH_MS;
    const mayServe = ageMs < FRESH_MS || (ageMs < STALE_MS && isFailing);
    if (!mayServe) await refresh();
    // Nothing goes on behind the answer of an isolated request: the one that asks waits.
    else if (!isolatedRequests) void refresh();
    else if (ageMs >= FRESH_MS) await refresh();
  }

  function usable(): LocalKeySet {
    if (keys !== null && clock.now() - fetchedAt < STALE_MS) return keys;
    throw unavailable(failure);
  }

  return async (header, token) => {
    await renew();
    try {
      return await usable()(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      // Keys rotate: the one that is missing may have been published since.
      await refresh();
      try {
        return await usable()(header, token);
      } catch (second) {
        // If the key could not be looked up, it may be valid.
        const isLookedUp = answered && failure === null;
        throw isLookedUp || isStowageError(second) ? second : unavailable(failure);
      }
    }
  };
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
