import type { DriverContext } from "../../../src/driver.ts";

/** Bound of the first delay. It doubles with each attempt. */
const FIRST_DELAY_MS = 300;
const MAX_DELAY_MS = 2_000;

/** Maximum number of saved retries. */
const BUDGET = 10;
/** What a success adds. With it the budget never runs out while at least a third of all attempts succeed. */
const REFILL = 3;
/** What a second adds. Without it, calls that all wait for a success would wait forever. */
const REFILL_PER_SECOND = 0.5;

/**
 * Limits the retries of all calls of a client. In an outage they end soon, and a storage that recovers does not meet a
 * multiple of its usual load.
 *
 * @see https://sre.google/sre-book/handling-overload/#client-side-throttling-a7sYUg
 */
export class RetryBudget {
  readonly #now: DriverContext["now"];
  #tokens = BUDGET;
  #filledAt = 0;

  constructor(now: DriverContext["now"]) {
    this.#now = now;
  }

  /** @returns Whether one more attempt may be made. */
  take(): boolean {
    const now = this.#now();
    this.#add((Math.max(0, now - this.#filledAt) / 1000) * REFILL_PER_SECOND);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  refill(): void {
    this.#add(REFILL);
  }

  #add(tokens: number): void {
    this.#tokens = Math.min(BUDGET, this.#tokens + tokens);
  }
}

/**
 * Full jitter: a random delay below a bound that doubles, but never shorter than `Retry-After`.
 *
 * @param attempts Number of attempts so far, from 1.
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function backoffMs(
  attempts: number,
  retryAfterMs: number,
  random: DriverContext["random"],
): number {
  const bound = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempts - 1));
  const [word = 0] = new Uint32Array(random(new Uint8Array(4)).slice().buffer);
  return Math.max(retryAfterMs, (word / 2 ** 32) * bound);
}
