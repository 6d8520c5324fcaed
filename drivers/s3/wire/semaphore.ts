import { abortedError, throwIfAborted } from "../../../src/driver.ts";

/** So many may work at once; the rest wait in the order in which they came. */
export class Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /**
   * Wait for a slot.
   *
   * @returns Gives it back. Call it once.
   * @throws {StowageError} `request_aborted`
   */
  async take(signal?: AbortSignal): Promise<() => void> {
    throwIfAborted(signal);
    if (this.#free > 0) this.#free -= 1;
    else await this.#handedOver(signal);
    return () => this.#give();
  }

  /** A slot passes from hand to hand, so that nobody who comes later slips in between. */
  #handedOver(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        signal?.removeEventListener("abort", giveUp);
        this.#waiting.delete(settle);
        resolve();
      };
      const giveUp = (): void => {
        this.#waiting.delete(settle);
        reject(abortedError(signal));
      };
      this.#waiting.add(settle);
      signal?.addEventListener("abort", giveUp, { once: true });
    });
  }

  #give(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#free += 1;
    else next();
  }
}
