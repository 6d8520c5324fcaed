import { StowageError } from "../../domain/errors.ts";

/** How long a client may keep us waiting before its first byte. */
export const GRACE_MS = 10_000;
/**
 * And ever: whoever was fast may stand still for this long, but not for as long as a gigabyte would have
 * earned. A reservation usually lives no longer without a byte.
 */
const MAX_CREDIT_MS = 60_000;
const LOOK_EVERY_MS = 1_000;

/**
 * Judges how fast a client sends, or reads, while we wait for it: every byte earns it the time that it takes
 * at the minimum rate, waiting uses it up. Time in which nobody waits for the client is not held against it.
 */
export class Pace {
  readonly #minBytesPerSecond: number;
  readonly #state: string;
  readonly #maxCreditMs: number;
  #creditMs = GRACE_MS;
  #waitingSince: number | null = null;
  #giveUp: ((error: StowageError) => void) | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * @param minBytesPerSecond 0 for no minimum.
   * @param state What there is to say of a client that is slower: `the body comes`.
   * @param pieceBytes The most that is waited for at once: it may always take what it takes at the minimum.
   */
  constructor(minBytesPerSecond: number, state: string, pieceBytes = 0) {
    this.#minBytesPerSecond = minBytesPerSecond;
    this.#state = state;
    this.#maxCreditMs = Math.max(MAX_CREDIT_MS, (pieceBytes / minBytesPerSecond) * 1000);
  }

  /** `promise`, or `request_timeout` as soon as waiting for it takes too long. Call `stop` afterwards. */
  async waitFor<Value>(promise: Promise<Value>): Promise<Value> {
    if (this.#minBytesPerSecond === 0) return await promise;
    this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
    this.#waitingSince = performance.now();
    try {
      return await new Promise<Value>((resolve, reject) => {
        this.#giveUp = reject;
        promise.then(resolve, reject);
      });
    } finally {
      this.#creditMs -= performance.now() - this.#waitingSince;
      this.#waitingSince = null;
    }
  }

  /** Bytes that have come, or that are to go. */
  count(bytes: number): void {
    if (this.#minBytesPerSecond === 0) return;
    const earnedMs = (bytes / this.#minBytesPerSecond) * 1000;
    this.#creditMs = Math.min(this.#maxCreditMs, this.#creditMs + earnedMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    if (this.#waitingSince === null) return;
    if (performance.now() - this.#waitingSince < this.#creditMs) return;
    this.#giveUp?.(
      new StowageError(
        "request_timeout",
        `Cannot wait any longer: ${this.#state} at less than ${this.#minBytesPerSecond} bytes a second`,
      ),
    );
  }
}
