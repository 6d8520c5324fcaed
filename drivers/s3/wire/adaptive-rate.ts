import { type DriverContext, delay } from "../../../src/driver.ts";

/** Requests a second after the first throttled response. */
const START = 50;
/** The slowest rate. Enough to notice when a store that throttles everything has recovered. */
const MIN = 1;
/** Above this rate requests are no longer delayed. */
const MAX = 1000;
/** What every other response adds: the rate grows tenfold in a quarter of a second. */
const INCREASE = 10;
/** What a throttled response multiplies the rate by. */
const DECREASE = 0.9;
/** How often a waiting request checks whether the rate has grown, in milliseconds. */
const LOOK_MS = 250;

/** A waiting request, and how many are sent before it. */
interface Waiter {
  ahead: number;
}

/**
 * The rate at which a client sends requests. It is unlimited until the store throttles. Then each throttled
 * response lowers it and every other response raises it (AIMD), until it is unlimited again.
 *
 * Requests wait in the order in which they came. They share numbers, but no promise and no timer, so that on
 * Workers a request that is cut off stops no other.
 *
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
 */
export class AdaptiveRate {
  readonly #now: DriverContext["now"];
  #perSecond = Number.POSITIVE_INFINITY;
  /** Requests that have been let through or wait, and whose time has not come yet. */
  #backlog = 0;
  #drainedAt = 0;
  /** In the order in which they came. */
  readonly #waiters = new Set<Waiter>();

  constructor(now: DriverContext["now"]) {
    this.#now = now;
  }

  /**
   * Wait for a turn.
   *
   * @param isWorthwhile Called before each wait. Returns whether the request should go on waiting.
   * @returns Whether the turn has come.
   * @throws {StowageError} `request_aborted`, at once when `signal` is aborted.
   */
  async turn(isWorthwhile: () => boolean, signal: AbortSignal | undefined): Promise<boolean> {
    if (this.#perSecond === Number.POSITIVE_INFINITY) return true;
    this.#drain();
    const waiter: Waiter = { ahead: this.#backlog };
    this.#backlog += 1;
    this.#waiters.add(waiter);
    let hasCome = false;
    try {
      while (waiter.ahead > 0 && this.#perSecond < Number.POSITIVE_INFINITY) {
        if (!isWorthwhile()) return false;
        const ms = Math.min(Math.ceil((waiter.ahead / this.#perSecond) * 1000), LOOK_MS);
        await delay(ms, signal);
        waiter.ahead -= (this.#perSecond * ms) / 1000;
      }
      hasCome = true;
      return true;
    } finally {
      if (!hasCome) this.#leave(waiter);
      this.#waiters.delete(waiter);
    }
  }

  /** Requests behind do not wait for one that is not sent. */
  #leave(waiter: Waiter): void {
    this.#backlog = Math.max(0, this.#backlog - 1);
    let isBehind = false;
    for (const other of this.#waiters) {
      if (isBehind) other.ahead -= 1;
      isBehind ||= other === waiter;
    }
  }

  /** The store has answered without throttling. */
  raise(): void {
    if (this.#perSecond === Number.POSITIVE_INFINITY) return;
    this.#drain();
    this.#perSecond += INCREASE;
    if (this.#perSecond <= MAX) return;
    this.#perSecond = Number.POSITIVE_INFINITY;
    // Waiting requests proceed at once. On Workers some of them may have ended without notice.
    this.#waiters.clear();
  }

  /** The store has throttled a request. */
  lower(): void {
    if (this.#perSecond === Number.POSITIVE_INFINITY) {
      this.#perSecond = START;
      this.#backlog = 0;
      this.#drainedAt = this.#now();
    } else {
      this.#drain();
      this.#perSecond = Math.max(MIN, this.#perSecond * DECREASE);
    }
  }

  #drain(): void {
    const now = this.#now();
    const seconds = Math.max(0, now - this.#drainedAt) / 1000;
    this.#backlog = Math.max(0, this.#backlog - seconds * this.#perSecond);
    this.#drainedAt = now;
  }
}
