import type { DriverContext } from "../../../src/driver.ts";
import { bodyMs, type S3Timeouts } from "./client-options.ts";
import type { AttemptError, Recovery } from "./failure.ts";
import type { S3Request } from "./protocol.ts";

/** One request with all of its attempts: which recoveries it tried, and how much time it has left. */
export class Call {
  readonly #now: DriverContext["now"];
  readonly #timeouts: S3Timeouts;
  readonly #bodyMs: number;
  #attempts = 0;
  #startedAt = 0;
  #begunAt = 0;
  /** Time spent in attempts, without the delays between them. */
  #sendingMs = 0;
  #error: AttemptError | null = null;
  /** The recoveries tried so far. Each is tried once. */
  readonly recoveries = new Set<Recovery>();

  /** The caller's signal. */
  readonly signal: AbortSignal | undefined;

  constructor({ body, signal }: S3Request, timeouts: S3Timeouts, now: DriverContext["now"]) {
    this.#now = now;
    this.#timeouts = timeouts;
    this.#bodyMs = bodyMs(body, timeouts);
    this.#startedAt = now();
    this.signal = signal;
  }

  /** Why the last attempt failed; `null` before the first. */
  get error(): AttemptError | null {
    return this.#error;
  }

  /** @returns The attempt's number, from 1. */
  begin(): number {
    this.#begunAt = this.#now();
    if (this.#attempts === 0) this.#startedAt = this.#begunAt;
    this.#attempts += 1;
    return this.#attempts;
  }

  failed(error: AttemptError): void {
    this.#sendingMs += this.#now() - this.#begunAt;
    this.#error = error;
  }

  /** How much longer another attempt may begin, in milliseconds. */
  leftMs(): number {
    // A store that timed out has used up the time for the body, so the caller does not wait for it twice.
    const ownMs =
      this.#error?.code === "storage_timeout" ? 0 : Math.min(this.#bodyMs, this.#sendingMs);
    return this.#startedAt + this.#timeouts.retryMs + ownMs - this.#now();
  }
}
