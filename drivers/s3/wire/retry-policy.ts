import { type DriverContext, delay } from "../../../src/driver.ts";
import { AdaptiveRate } from "./adaptive-rate.ts";
import type { Call } from "./call.ts";
import { DEFAULT_ATTEMPTS } from "./client-options.ts";
import { type Failure, isTransient } from "./failure.ts";
import { backoffMs, RetryBudget } from "./retry-budget.ts";

/** After this time with nothing but failures, no request is repeated until the store responds again. */
const OUTAGE_MS = 10_000;
/** The same for a store that has never answered: its endpoint may be wrong. */
const UNREACHED_MS = 1_000;
/** An error serves the caller better than a longer wait. */
const MAX_RETRY_AFTER_MS = 10_000;

type Context = Pick<DriverContext, "now" | "random">;

/**
 * Decides when the calls of one client may send, and whether they may repeat. It sees the responses to all of them.
 *
 * If the store throttles, requests slow down, and a throttled one is repeated while its call has time left. Requests that
 * fail otherwise are repeated within a budget that successes refill. During an outage nothing is repeated: each call
 * makes only its first attempt, and the first good response ends the outage.
 */
export class RetryPolicy {
  readonly #context: Context;
  readonly #rate: AdaptiveRate;
  readonly #budget: RetryBudget;
  /** Time since which there were only transient failures; `null` after any other response. */
  #failingSince: number | null = null;
  #isReached = false;

  constructor(context: Context) {
    this.#context = context;
    this.#rate = new AdaptiveRate(context.now);
    this.#budget = new RetryBudget(context.now);
  }

  /** Wait until `call` may send its next attempt. Throws the error of the last attempt if it may not. */
  async turn(call: Call): Promise<void> {
    const isDue = await this.#rate.turn(() => call.leftMs() > 0 && !this.#isOut(), call.signal);
    if (!isDue && call.error !== null) throw call.error;
  }

  /** The store fulfilled the request, or rejected it permanently. */
  responded(): void {
    this.#isReached = true;
    this.#failingSince = null;
    this.#budget.refill();
    this.#rate.raise();
  }

  failed({ recovery, status }: Failure): void {
    if (status !== null) this.#isReached = true;
    if (isTransient(recovery)) this.#failingSince ??= this.#context.now();
    else if (status !== null) this.responded();
    if (recovery === "throttle") this.#rate.lower();
  }

  /**
   * Wait after the failed attempt `number` of `call`.
   *
   * @returns Whether to make another.
   */
  async backOff(
    { recovery, retryAfterMs = 0 }: Failure,
    number: number,
    call: Call,
  ): Promise<boolean> {
    for (let tries = number; tries < DEFAULT_ATTEMPTS; tries += 1) {
      const ms = backoffMs(tries, retryAfterMs, this.#context.random);
      if (this.#isOut() || ms > Math.min(call.leftMs(), MAX_RETRY_AFTER_MS)) return false;
      await delay(ms, call.signal);
      if (recovery === "throttle" || this.#budget.take()) return true;
    }
    return false;
  }

  #isOut(): boolean {
    if (this.#failingSince === null) return false;
    const forMs = this.#context.now() - this.#failingSince;
    return forMs >= (this.#isReached ? OUTAGE_MS : UNREACHED_MS);
  }
}
