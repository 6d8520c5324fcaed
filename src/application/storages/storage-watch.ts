import type { Storages } from "./storages.ts";

/** An emptied or replaced bucket is noticed within this time, even without requests. */
const CHECK_EVERY_MS = 30_000;
/** An unreachable fallback is tried again after this time, which doubles with each attempt. */
const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;

/**
 * Watches the storages in the background: whether each is still the one that was opened, and whether an unreachable
 * fallback is back.
 */
export class StorageWatch {
  readonly #storages: Storages;
  #checkTimer: ReturnType<typeof setInterval> | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(storages: Storages) {
    this.#storages = storages;
  }

  start(): void {
    // Report missing permissions now, not with the first upload.
    void this.#storages.primary.health();
    this.#checkTimer = setInterval(() => void this.check(), CHECK_EVERY_MS);
    this.#retryAfter(FIRST_RETRY_MS);
  }

  /** Does not wait for pending calls: their results have no effect. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#checkTimer);
    clearTimeout(this.#retryTimer);
  }

  /** Check the identity of every storage once. */
  async check(): Promise<void> {
    await Promise.all(this.#storages.all.map((storage) => storage.checkIdentity()));
  }

  #retryAfter(delayMs: number): void {
    if (this.#stopped || this.#storages.away.length === 0) return;
    this.#retryTimer = setTimeout(async () => {
      await this.#storages.retryAway();
      this.#retryAfter(Math.min(MAX_RETRY_MS, 2 * delayMs));
    }, delayMs);
  }
}
