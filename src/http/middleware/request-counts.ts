import type { ClientRateLimitInfo, Store } from "hono-rate-limiter";
import type { Clock } from "../../domain/ports/clock.ts";
import type { HttpEnv } from "../endpoint.ts";

/**
 * Callers counted at once, at some 200 bytes each. Where more come within one window, those whose window
 * began first start anew: memory stays bounded, and nobody is refused for the crowd.
 */
const MAX_CALLERS = 50_000;

/**
 * How many requests each caller has made in its window: a store of hono-rate-limiter, whose own one grows
 * with every caller, owns a timer, and reads the process's clock.
 */
export class RequestCounts implements Store<HttpEnv> {
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #maxCallers: number;
  /** In the order in which their windows began, hence end. */
  readonly #callers = new Map<string, { hits: number; readonly endsAt: number }>();

  constructor(clock: Clock, windowMs: number, maxCallers = MAX_CALLERS) {
    this.#clock = clock;
    this.#windowMs = windowMs;
    this.#maxCallers = maxCallers;
  }

  /** How many callers are counted. */
  get size(): number {
    return this.#callers.size;
  }

  increment(key: string): ClientRateLimitInfo {
    const now = this.#clock.now();
    const known = this.#callers.get(key);
    const leftMs = (known?.endsAt ?? 0) - now;
    // A clock that was set back must not lengthen a window.
    const caller =
      known !== undefined && leftMs > 0 && leftMs <= this.#windowMs ? known : this.#begin(key, now);
    caller.hits += 1;
    // The library counts down from the process's clock.
    return { totalHits: caller.hits, resetTime: new Date(Date.now() + caller.endsAt - now) };
  }

  decrement(key: string): void {
    const caller = this.#callers.get(key);
    if (caller !== undefined && caller.hits > 0) caller.hits -= 1;
  }

  resetKey(key: string): void {
    this.#callers.delete(key);
  }

  #begin(key: string, now: number) {
    this.#callers.delete(key);
    for (const [other, { endsAt }] of this.#callers) {
      if (endsAt > now && this.#callers.size < this.#maxCallers) break;
      this.#callers.delete(other);
    }
    const caller = { hits: 0, endsAt: now + this.#windowMs };
    this.#callers.set(key, caller);
    return caller;
  }
}
