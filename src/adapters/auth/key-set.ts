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

/** From this age on newer keys are fetched behind the answers, so that those who call often never wait. */
const AGEING_MS = 5 * 60_000;

/** Within this age keys are used unasked: how long a withdrawn key can still be good. */
const FRESH_MS = 10 * 60_000;

/** While the endpoint is sick, old keys keep working this long: whoever can block it gains no more. */
const STALE_MS = 24 * 60 * 60_000;

/** The least time between two calls: a flood of tokens with unknown keys is none for the endpoint. */
const COOLDOWN_MS = 30_000;

/** A caller is waiting. */
const TIMEOUT_MS = 4000;

/** Hundreds of keys. */
const MAX_BODY_BYTES = 2 ** 20;

export interface KeySetOptions {
  /** How long the endpoint has for its answer. */
  readonly timeoutMs?: number;
  /** Whether requests may share neither promises nor what goes on behind their answer (Workers). */
  readonly isolatedRequests?: boolean;
}

/**
 * A published key set (RFC 7517), fetched when needed and kept. An endpoint is sick that does not answer 200
 * with a set of keys, in time and at its own address.
 *
 * A caller waits for the endpoint only where there are no keys, or not the right one, or where they are no longer
 * fresh and nothing is known against the endpoint: one that hangs is waited for once, not with every try.
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
    const isSick = failure !== null && now - triedAt < FRESH_MS;
    const mayServe = ageMs < FRESH_MS || (ageMs < STALE_MS && isSick);
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
        // A key that nobody could look up is not a wrong one.
        const isLookedUp = answered && failure === null;
        throw isLookedUp || isStowageError(second) ? second : unavailable(failure);
      }
    }
  };
}

/** A set without a key is what a broken deployment publishes: whoever withdraws a key has another. */
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
    // A redirect would move the trust to an address that nobody configured.
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
