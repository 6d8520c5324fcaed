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

/**
 * A published key set (RFC 7517), fetched when needed and kept. An endpoint is sick that does not answer 200
 * with a set of keys, in time and at its own address.
 *
 * jose's own `createRemoteJWKSet` forgets good keys when the endpoint falls sick after they have aged,
 * and reads the process's clock; this one is a cache of ours around jose's local key set.
 */
export function createKeySet(
  url: string,
  clock: Clock,
  fetch: typeof globalThis.fetch,
  timeoutMs = TIMEOUT_MS,
): KeySet {
  let keys: LocalKeySet | null = null;
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let failure: unknown = null;
  let fetching: Promise<void> | null = null;

  async function fetchKeys(): Promise<void> {
    triedAt = clock.now();
    try {
      keys = keysIn(await downloadKeySet(url, fetch, timeoutMs));
      fetchedAt = clock.now();
      failure = null;
    } catch (error) {
      failure = error;
    }
  }

  /** Ask the endpoint, unless it was asked a moment ago. Trouble shows in `failure`. */
  async function refresh(): Promise<void> {
    if (fetching === null && clock.now() - triedAt < COOLDOWN_MS) return;
    fetching ??= fetchKeys().finally(() => {
      fetching = null;
    });
    await fetching;
  }

  function usable(): LocalKeySet {
    if (keys !== null && clock.now() - fetchedAt < STALE_MS) return keys;
    throw unavailable(failure);
  }

  return async (header, token) => {
    if (clock.now() - fetchedAt >= FRESH_MS) await refresh();
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
        throw failure !== null && !isStowageError(second) ? unavailable(failure) : second;
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
