import { type DriverContext, delay } from "../../../src/driver.ts";
import { AdaptiveRate } from "./adaptive-rate.ts";
import type { Call } from "./call.ts";
import { DEFAULT_ATTEMPTS } from "./client-options.ts";
import { type Failure, isTransient } from "./failure.ts";
import { backoffMs, RetryBudget } from "./retry-budget.ts";

/** After so long with nothing but failures, nothing is repeated until the store answers again. */
const OUTAGE_MS = 10_000;
/** The same for a store that has never answered: its endpoint may be wrong. */
const UNREACHED_MS = 1_000;
/** A caller that would have to wait longer is better off with the error. */
const MAX_RETRY_AFTER_MS = 10_000;

type Context = Pick<DriverContext, "now" | "random">;

/**
 * When the calls of one client may send, and whether they may send again. It knows what the store has answered
 * to all of them.
 *
 * A store that throttles is alive: requests slow down, and a throttled one is repeated as long as its call has
 * time. A request that failed otherwise is repeated from a budget that successes fill. Neither is repeated in
 * an outage: each call still makes its first attempt, and the first response ends the outage.
 */
export class RetryPolicy {
  readonly #context: Context;
  readonly #rate: AdaptiveRate;
  readonly #budget: RetryBudget;
  /** Since when nothing but failures that may pass has come; `null` after any other response. */
  #failingSince: number | null = null;
  #isReached = false;

  constructor(context: Context) {
    this.#context = context;
    this.#rate = new AdaptiveRate(context.now);
    this.#budget = new RetryBudget(context.now);
  }

  /** Wait until the next attempt of `call` may be sent. Throws the error of the last one if it may not. */
  async turn(call: Call): Promise<void> {
    const isDue = await this.#rate.turn(() => call.leftMs() > 0 && !this.#isOut(), call.signal);
    if (!isDue && call.error !== null) throw call.error;
  }

  /** The store has done what it was asked for, or refused it for good. */
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
