import type { DriverContext } from "../../../src/driver.ts";

/** The longest first wait; it doubles with each attempt. */
const FIRST_WAIT_MS = 300;
const MAX_WAIT_MS = 2_000;

/** Repeats in hand. */
const BUDGET = 10;
/** What a success pays in: it lasts for ever where up to two of three attempts fail. */
const REFILL = 3;
/** What a second pays in: without it, calls that all wait for a success would wait in vain. */
const REFILL_PER_SECOND = 0.5;

/**
 * Repeats of failed requests that all calls of a client share: in a total outage they end soon, and the
 * storage that comes back is not met by a multiple of its load.
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
 * Full jitter: anything between nothing and a bound that doubles; never less than the server wishes.
 *
 * @param attempts Made so far, from 1.
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function backoffMs(
  attempts: number,
  retryAfterMs: number,
  random: DriverContext["random"],
): number {
  const bound = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempts - 1));
  const [word = 0] = new Uint32Array(random(new Uint8Array(4)).slice().buffer);
  return Math.max(retryAfterMs, (word / 2 ** 32) * bound);
}
