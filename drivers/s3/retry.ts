import { abortedError, type DriverContext, throwIfAborted } from "../../src/driver.ts";

/** The longest first wait; it doubles with each attempt. */
const FIRST_WAIT_MS = 300;
const MAX_WAIT_MS = 5_000;

/** Who is told to wait longer is better off with the error: somebody waits behind us. */
export const MAX_RETRY_AFTER_MS = 10_000;

/** Attempts that may be repeated while nothing succeeds. */
const BUDGET = 10;
/** What a success pays in: every second request may be repeated for ever. */
const REFILL = 0.5;

/**
 * Repeats that all calls of a client share: in a total outage they end soon, and the storage that comes
 * back is not met by a multiple of its load.
 *
 * @see https://sre.google/sre-book/handling-overload/#client-side-throttling-a7sYUg
 */
export class RetryBudget {
  #tokens = BUDGET;

  /** @returns Whether one more attempt may be made. */
  take(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  refill(): void {
    if (this.#tokens < BUDGET) this.#tokens = Math.min(BUDGET, this.#tokens + REFILL);
  }
}

/**
 * Full jitter: anything between nothing and a bound that doubles; never less than the server wishes.
 *
 * @param attempts Made so far, from 1.
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function waitMs(
  attempts: number,
  retryAfterMs: number,
  random: DriverContext["random"],
): number {
  const bound = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempts - 1));
  const [word = 0] = new Uint32Array(random(new Uint8Array(4)).slice().buffer);
  return Math.max(retryAfterMs, (word / 2 ** 32) * bound);
}

/** @throws {StowageError} `request_aborted`, at once when `signal` is aborted. */
export function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  throwIfAborted(signal);
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(abortedError(signal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
