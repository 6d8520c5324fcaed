import type { IncomingMessage, ServerResponse } from "node:http";
import type { ByteStream } from "../domain/bytes.ts";
import { StowageError } from "../domain/errors.ts";

/** How long a client may keep us waiting before its first byte. */
const GRACE_MS = 10_000;
/**
 * And ever: whoever was fast may stand still for this long, but not for as long as a gigabyte would have
 * earned. A reservation usually lives no longer without a byte.
 */
const MAX_CREDIT_MS = 60_000;
const LOOK_EVERY_MS = 1_000;

/**
 * The body of a request as Node received it: no web stream in between.
 *
 * Only the time spent waiting for the client counts against its transfer rate: a storage that is slow to
 * take the bytes is not the client's fault. Ending the iteration early leaves the connection alone, so that
 * an answer can still be sent on it.
 *
 * A client that waits to be asked for its body (`Expect: 100-continue`) is asked with the first read.
 *
 * @param minBytesPerSecond 0 for no minimum.
 * @throws {StowageError} While iterating: `request_aborted` when the connection breaks, `request_timeout`
 *   when the client is slower than the minimum.
 */
export function incomingBody(
  incoming: IncomingMessage,
  outgoing: Pick<ServerResponse, "writeContinue">,
  minBytesPerSecond: number,
): ByteStream {
  return {
    [Symbol.asyncIterator]() {
      const chunks = incoming.iterator({ destroyOnReturn: false });
      const pace = new Pace(minBytesPerSecond);
      let awaited = /^100-continue$/i.test(incoming.headers.expect ?? "");
      return {
        async next() {
          if (awaited) outgoing.writeContinue();
          awaited = false;
          try {
            const next = await pace.waitFor(chunks.next());
            if (next.done === true) pace.stop();
            else pace.count(next.value.byteLength);
            return next;
          } catch (error) {
            pace.stop();
            throw toBodyError(error);
          }
        },
        async return() {
          pace.stop();
          // Not awaited while a chunk is pending: it would wait for a client that may never send it.
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

/**
 * Judges how fast the client sends while we wait for it: every byte earns it the time that it takes at the
 * minimum rate, waiting uses it up.
 */
class Pace {
  readonly #minBytesPerSecond: number;
  #creditMs = GRACE_MS;
  #waitingSince: number | null = null;
  #giveUp: ((error: StowageError) => void) | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(minBytesPerSecond: number) {
    this.#minBytesPerSecond = minBytesPerSecond;
  }

  /** `promise`, or a rejection as soon as waiting for it takes too long. */
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

  count(bytes: number): void {
    if (this.#minBytesPerSecond === 0) return;
    const earnedMs = (bytes / this.#minBytesPerSecond) * 1000;
    this.#creditMs = Math.min(MAX_CREDIT_MS, this.#creditMs + earnedMs);
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
        `Cannot wait any longer: the body comes at less than ${this.#minBytesPerSecond} bytes a second`,
      ),
    );
  }
}
