import { StowageError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type { StorageDriver } from "../../domain/ports/storage-driver.ts";
import { parseStorageIdentity, STORAGE_IDENTITY_KEY } from "../../domain/storage-identity.ts";
import { readIdentityFile } from "./storage-identity.ts";
import { wrapDriverError } from "./storage-probe.ts";
import { withTimeout } from "./with-timeout.ts";

/** A check costs a request, so calls within this time share its result. */
export const RECENT_CHECK_MS = 2_000;
const TIMEOUT_MS = 5_000;

interface IdentityGuardDeps {
  /** The identity of the storage when it was opened. */
  readonly id: string;
  readonly driver: StorageDriver;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called when the storage was replaced, and when it is back. */
  readonly onChange: () => void;
}

/**
 * Notices that a storage is no longer the one that was opened: a bucket was emptied or replaced, or a disk was
 * unmounted. Until its identity is back, nothing may be written or deleted there.
 *
 * A check reads the identity: when a request finds no object, with each health check, and every 30 seconds in the
 * background ({@link StorageWatch}). The guard never writes the identity.
 */
export class IdentityGuard {
  readonly #deps: IdentityGuardDeps;
  #replaced: StowageError | null = null;
  #problem: StowageError | null = null;
  #checkedAt = Number.NEGATIVE_INFINITY;

  constructor(deps: IdentityGuardDeps) {
    this.#deps = Object.freeze({ ...deps });
  }

  /** Set while another storage is in its place. */
  get replaced(): StowageError | null {
    return this.#replaced;
  }

  /** Why the last check failed: the storage was replaced or unreachable. `null` if the check passed. */
  get problem(): StowageError | null {
    return this.#problem;
  }

  /**
   * Check the identity, unless the last check is younger than `maxAgeMs`. An unreachable storage does not count as
   * replaced: the last known state stays.
   *
   * @returns {@link problem}.
   */
  async check(maxAgeMs = 0): Promise<StowageError | null> {
    if (this.#deps.clock.now() - this.#checkedAt < maxAgeMs) return this.#problem;
    try {
      const file = await withTimeout(TIMEOUT_MS, "identify storage", (signal) =>
        readIdentityFile(this.#deps.driver, { signal }),
      );
      this.#setReplaced(file === null ? replacedBy("is missing") : this.#compare(file.bytes));
      this.#problem = this.#replaced;
    } catch (error) {
      this.#problem = wrapDriverError(this.#deps.driver.name, "identify storage", error);
    }
    this.#checkedAt = this.#deps.clock.now();
    return this.#problem;
  }

  /** @throws {StowageError} `storage_unavailable` while the storage is replaced. */
  async assertSame(): Promise<void> {
    if (this.#replaced === null) return;
    await this.check(RECENT_CHECK_MS);
    if (this.#replaced !== null) throw this.#replaced;
  }

  /**
   * Call this when an object was not found: that counts only in the right storage.
   *
   * @throws {StowageError} `storage_*` if the storage was replaced or does not respond.
   */
  async assertFound(maxAgeMs = 0): Promise<void> {
    const problem = await this.check(maxAgeMs);
    if (problem !== null) throw problem;
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
    `Cannot use storage: its ${STORAGE_IDENTITY_KEY} ${state}`,
    { retryable: true, cause, advice: "bring the storage back, or restore the file" },
  );
}
