import type { IncomingMessage } from "node:http";
import type { ByteStream } from "../domain/bytes.ts";
import { StowageError } from "../domain/errors.ts";

/** A client may be slow for this long, summed over the request, before its rate is judged. */
const GRACE_MS = 10_000;
const LOOK_EVERY_MS = 1_000;

/**
 * The body of a request as Node received it: no web stream in between.
 *
 * Only the time spent waiting for the client counts against its transfer rate: a storage that is slow to
 * take the bytes is not the client's fault. Ending the iteration early leaves the connection alone, so that
 * an answer can still be sent on it.
 *
 * @param minBytesPerSecond 0 for no minimum.
 * @throws {StowageError} While iterating: `request_aborted` when the connection breaks, `request_timeout`
 *   when the client is slower than the minimum.
 */
export function incomingBody(incoming: IncomingMessage, minBytesPerSecond: number): ByteStream {
  return {
    [Symbol.asyncIterator]() {
      const chunks = incoming.iterator({ destroyOnReturn: false });
      const pace = new Pace(minBytesPerSecond);
      return {
        async next() {
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

/** Judges how fast the client sends while we wait for it. */
class Pace {
  readonly #minBytesPerSecond: number;
  #bytes = 0;
  #waitedMs = 0;
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
      this.#waitedMs += performance.now() - this.#waitingSince;
      this.#waitingSince = null;
    }
  }

  count(bytes: number): void {
    this.#bytes += bytes;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    if (this.#waitingSince === null) return;
    const waitedMs = this.#waitedMs + performance.now() - this.#waitingSince;
    if (waitedMs < GRACE_MS || this.#bytes >= (waitedMs / 1000) * this.#minBytesPerSecond) return;
    this.#giveUp?.(
      new StowageError(
        "request_timeout",
        `Cannot wait any longer: the body comes at less than ${this.#minBytesPerSecond} bytes a second`,
      ),
    );
  }
}
