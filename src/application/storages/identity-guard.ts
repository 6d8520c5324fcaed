import { StowageError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type { StorageDriver } from "../../domain/ports/storage-driver.ts";
import { parseStorageIdentity, STORAGE_IDENTITY_KEY } from "../../domain/storage-identity.ts";
import { readIdentityFile } from "./storage-identity.ts";
import { wrapDriverError } from "./storage-probe.ts";
import { withTimeout } from "./with-timeout.ts";

/** A look costs a request, so calls that come close together share the result of one. */
export const RECENT_LOOK_MS = 2_000;
const TIMEOUT_MS = 5_000;

interface IdentityGuardDeps {
  /** What the storage's identity was when it was opened. */
  readonly id: string;
  readonly driver: StorageDriver;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called when the storage has been replaced, and when it is back. */
  readonly onChange: () => void;
}

/**
 * Notices that a storage is not the one that was opened any more: a bucket was emptied or replaced, a disk
 * unmounted. As long as that is so, nothing may be written or deleted there. It is back as soon as its identity is.
 *
 * A look is a read of the identity: at the bottom of a request that found nothing, with each health check, and
 * every 30 seconds in the background ({@link StorageWatch}). The identity is never written here.
 */
export class IdentityGuard {
  readonly #deps: IdentityGuardDeps;
  #replaced: StowageError | null = null;
  #trouble: StowageError | null = null;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(deps: IdentityGuardDeps) {
    this.#deps = Object.freeze({ ...deps });
  }

  /** Set while the storage is known not to be the one that was opened. */
  get replaced(): StowageError | null {
    return this.#replaced;
  }

  /** Why the last look failed, `null` if it did not: the storage was replaced, or could not be reached. */
  get trouble(): StowageError | null {
    return this.#trouble;
  }

  /**
   * Look at the identity, unless that was done less than `maxAgeMs` ago. A storage that cannot be reached is not a
   * replaced one: what was known before stays so.
   *
   * @returns {@link trouble}.
   */
  async look(maxAgeMs = 0): Promise<StowageError | null> {
    if (this.#deps.clock.now() - this.#lookedAt < maxAgeMs) return this.#trouble;
    try {
      const file = await withTimeout(TIMEOUT_MS, "identify storage", (signal) =>
        readIdentityFile(this.#deps.driver, { signal }),
      );
      this.#setReplaced(file === null ? replacedBy("is missing") : this.#compare(file.bytes));
      this.#trouble = this.#replaced;
    } catch (error) {
      this.#trouble = wrapDriverError(this.#deps.driver.name, "identify storage", error);
    }
    this.#lookedAt = this.#deps.clock.now();
    return this.#trouble;
  }

  /** @throws {StowageError} `storage_unavailable` while the storage is known to be replaced. */
  async assertSame(): Promise<void> {
    if (this.#replaced === null) return;
    await this.look(RECENT_LOOK_MS);
    if (this.#replaced !== null) throw this.#replaced;
  }

  /**
   * Called where nothing was found: that counts only in the right storage.
   *
   * @throws {StowageError} `storage_*` if the storage was replaced, or does not answer.
   */
  async assertFound(maxAgeMs = 0): Promise<void> {
    const trouble = await this.look(maxAgeMs);
    if (trouble !== null) throw trouble;
  }

  #compare(bytes: Uint8Array | null): StowageError | null {
    try {
      const found = parseStorageIdentity(bytes);
      return found === this.#deps.id ? null : replacedBy(`names another storage, ${found}`);
    } catch (error) {
      return replacedBy("cannot be used", error);
    }
  }

  #setReplaced(error: StowageError | null): void {
    const before = this.#replaced;
    this.#replaced = error;
    if ((before === null) === (error === null)) return;
    const storageId = this.#deps.id;
    if (error === null) this.#deps.logger.info("storage.restored", { storageId });
    else this.#deps.logger.error("storage.replaced", { storageId, error });
    this.#deps.onChange();
  }
}

function replacedBy(state: string, cause?: unknown): StowageError {
  return new StowageError(
    "storage_unavailable",
    `Cannot use storage: its ${STORAGE_IDENTITY_KEY} ${state} (bring the storage back, or restore the file)`,
    { retryable: true, cause },
  );
}
