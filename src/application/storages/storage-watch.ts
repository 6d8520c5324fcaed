import type { Storages } from "./storages.ts";

/** So soon a bucket that was emptied or replaced is noticed, even if nothing is read and no health is asked. */
const LOOK_EVERY_MS = 30_000;
/** A fallback that is away is tried again after this long, then each time after twice as long. */
const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;

/**
 * Looks after the storages in the background: whether each is still the one that was opened, and whether a fallback
 * that was away is back.
 */
export class StorageWatch {
  readonly #storages: Storages;
  #lookTimer: ReturnType<typeof setInterval> | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(storages: Storages) {
    this.#storages = storages;
  }

  start(): void {
    // Reported now: missing rights would otherwise look like bad luck with the first upload.
    void this.#storages.primary.health();
    this.#lookTimer = setInterval(() => void this.look(), LOOK_EVERY_MS);
    this.#retryAfter(FIRST_RETRY_MS);
  }

  /** Does not wait for a storage that does not answer: what comes after this has no effect. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#lookTimer);
    clearTimeout(this.#retryTimer);
  }

  /** Look once at the identity of every storage. */
  async look(): Promise<void> {
    await Promise.all(this.#storages.all.map((storage) => storage.lookAtIdentity()));
  }

  #retryAfter(delayMs: number): void {
    if (this.#stopped || this.#storages.away.length === 0) return;
    this.#retryTimer = setTimeout(async () => {
      await this.#storages.retryAway();
      this.#retryAfter(Math.min(MAX_RETRY_MS, 2 * delayMs));
    }, delayMs);
  }
}
