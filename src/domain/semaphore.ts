import { abortedError, throwIfAborted } from "./cancellation.ts";

/** Admits a number of callers at once. The others wait in the order in which they called. */
export class Semaphore {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /**
   * Wait for a turn.
   *
   * @returns Releases the turn. Call it once.
   * @throws {StowageError} `request_aborted`, at once when `signal` is aborted.
   */
  async acquire(signal?: AbortSignal): Promise<() => void> {
    throwIfAborted(signal);
    if (this.#free > 0) this.#free -= 1;
    else await this.#turn(signal);
    return () => this.#release();
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        signal?.removeEventListener("abort", leave);
        this.#waiting.delete(enter);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.delete(enter);
        reject(abortedError(signal));
      };
      this.#waiting.add(enter);
      signal?.addEventListener("abort", leave, { once: true });
    });
  }

  /** Passes the turn directly to the next caller, so that a new one cannot take it first. */
  #release(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#free += 1;
    else next();
  }
}
