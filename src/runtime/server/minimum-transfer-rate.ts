import type { ByteStream } from "../../domain/bytes.ts";
import { StowageError } from "../../domain/errors.ts";

/** How long a client may take before its first byte. */
export const INITIAL_ALLOWANCE_MS = 10_000;
/**
 * Caps saved-up time: after a fast start a client may stall for at most this long. A reservation usually
 * expires after the same time without a byte.
 */
const MAX_ALLOWANCE_MS = 60_000;
const CHECK_INTERVAL_MS = 1_000;

/**
 * Holds a client to a minimum rate of sending or reading.
 *
 * Each byte adds the time that it takes at the minimum rate; waiting for the client uses that time up. Only time
 * spent waiting for the client counts.
 */
export class MinimumTransferRate {
  readonly #minBytesPerSecond: number;
  readonly #activity: string;
  readonly #maxAllowanceMs: number;
  #allowanceMs = INITIAL_ALLOWANCE_MS;
  #waitingSince: number | null = null;
  #giveUp: ((error: StowageError) => void) | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * @param minBytesPerSecond 0 for no minimum.
   * @param activity What the client does, for the message of the error: `the body arrives`.
   * @param pieceBytes The largest piece that is waited for at once. The allowance always suffices for one piece.
   */
  constructor(minBytesPerSecond: number, activity: string, pieceBytes = 0) {
    this.#minBytesPerSecond = minBytesPerSecond;
    this.#activity = activity;
    this.#maxAllowanceMs = Math.max(MAX_ALLOWANCE_MS, (pieceBytes / minBytesPerSecond) * 1000);
  }

  /** Resolves as `promise` does, or rejects with `request_timeout` once waiting takes too long. Call `stop` afterwards. */
  async waitFor<Value>(promise: Promise<Value>): Promise<Value> {
    if (this.#minBytesPerSecond === 0) return await promise;
    this.#timer ??= setInterval(() => this.#check(), CHECK_INTERVAL_MS).unref();
    this.#waitingSince = performance.now();
    try {
      return await new Promise<Value>((resolve, reject) => {
        this.#giveUp = reject;
        promise.then(resolve, reject);
      });
    } finally {
      this.#allowanceMs -= performance.now() - this.#waitingSince;
      this.#waitingSince = null;
    }
  }

  /** Count bytes that have arrived, or that are about to be sent. */
  count(bytes: number): void {
    if (this.#minBytesPerSecond === 0) return;
    const addedMs = (bytes / this.#minBytesPerSecond) * 1000;
    this.#allowanceMs = Math.min(this.#maxAllowanceMs, this.#allowanceMs + addedMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #check(): void {
    if (this.#waitingSince === null) return;
    if (performance.now() - this.#waitingSince < this.#allowanceMs) return;
    this.#giveUp?.(
      new StowageError(
        "request_timeout",
        `Cannot wait any longer: ${this.#activity} at less than ${this.#minBytesPerSecond} bytes per second`,
      ),
    );
  }
}

/**
 * A body whose sender must keep to a minimum rate.
 *
 * @param open Called once per iteration. The `return` of its iterator is not awaited: it may wait for a client
 *   that never sends.
 * @param minBytesPerSecond 0 for no minimum.
 * @throws {StowageError} While iterating: `request_aborted` when the connection breaks, `request_timeout`
 *   when the client is slower than the minimum.
 */
export function bodyAtMinimumRate(
  open: () => AsyncIterator<Uint8Array>,
  minBytesPerSecond: number,
): ByteStream {
  return {
    [Symbol.asyncIterator]() {
      const chunks = open();
      const rate = new MinimumTransferRate(minBytesPerSecond, "the body arrives");
      return {
        async next() {
          try {
            const next = await rate.waitFor(chunks.next());
            if (next.done === true) rate.stop();
            else rate.count(next.value.byteLength);
            return next;
          } catch (error) {
            rate.stop();
            throw toBodyError(error);
          }
        },
        async return() {
          rate.stop();
          chunks.return?.().catch(() => {});
          return { done: true, value: undefined };
        },
      };
    },
  };
}

function toBodyError(error: unknown): unknown {
  if (error instanceof StowageError) return error;
  return new StowageError("request_aborted", "Cannot read body: the client closed the connection", {
    cause: error,
  });
}
