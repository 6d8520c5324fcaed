import type { Storages } from "./storages.ts";

/** So soon a bucket that was emptied or replaced is noticed, even if nothing is read and no health is asked. */
const LOOK_EVERY_MS = 30_000;

/** Looks after the storages in the background: whether each is still the one that was opened. */
export class StorageWatch {
  readonly #storages: Storages;
  #lookTimer: ReturnType<typeof setInterval> | undefined;

  constructor(storages: Storages) {
    this.#storages = storages;
  }

  start(): void {
    // Reported now: missing rights would otherwise look like bad luck with the first upload.
    void this.#storages.primary.health();
    this.#lookTimer = setInterval(() => void this.look(), LOOK_EVERY_MS);
  }

  /** Does not wait for a storage that does not answer. */
  stop(): void {
    clearInterval(this.#lookTimer);
  }

  /** Look once at the identity of every storage. */
  async look(): Promise<void> {
    await Promise.all(this.#storages.all.map((storage) => storage.lookAtIdentity()));
  }
}
