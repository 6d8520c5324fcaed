import type { DriverContext } from "../../../src/driver.ts";
import { bodyMs, type S3Timeouts } from "./client-options.ts";
import type { AttemptError, Recovery } from "./failure.ts";
import type { S3Request } from "./protocol.ts";

/** One request through all of its attempts: what it has learnt, and how long it may go on. */
export class Call {
  readonly #now: DriverContext["now"];
  readonly #timeouts: S3Timeouts;
  readonly #bodyMs: number;
  #attempts = 0;
  #startedAt = 0;
  #begunAt = 0;
  /** How long attempts have taken, without the waits between them. */
  #sendingMs = 0;
  #error: AttemptError | null = null;
  /** Lessons of refusals. Each is learnt once. */
  readonly recoveries = new Set<Recovery>();

  /** The caller's. */
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

  /** How long from now another attempt may begin, in milliseconds. */
  leftMs(): number {
    // A store that did not answer in all that time has had the body's time: no caller waits for it twice.
    const ownMs =
      this.#error?.code === "storage_timeout" ? 0 : Math.min(this.#bodyMs, this.#sendingMs);
    return this.#startedAt + this.#timeouts.retryMs + ownMs - this.#now();
  }
}
