import { StowageError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type { StorageUsage } from "../../domain/ports/upkeep-records.ts";
import type { StorageUri } from "../../domain/storage-uri.ts";
import type { FileStorage } from "./file-storage.ts";
import type { OpenedStorage, Opening, Unopened } from "./open-storage.ts";
import { wrapDriverError } from "./storage-probe.ts";

interface AwayStorageDeps {
  readonly uri: StorageUri;
  /** The storages that the records know by this URI and that were not found elsewhere. */
  readonly expected: readonly StorageUsage[];
  readonly open: (uri: StorageUri) => Promise<Opening>;
  /** Make the opened storage available to the service. */
  readonly join: (opened: OpenedStorage) => Promise<FileStorage>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A fallback that was unreachable at start-up. Requests for its files get 503 until it is back. */
export class AwayStorage {
  readonly #deps: AwayStorageDeps;
  #error: StowageError;
  #checkedAt: number;

  /** @param opening Why it could not be opened. */
  constructor(opening: Unopened, deps: AwayStorageDeps) {
    this.#deps = Object.freeze({ ...deps });
    this.#error = this.#reasonOf(opening);
    this.#checkedAt = deps.clock.now();
    this.#report();
  }

  /** Its URI, secrets masked. */
  get display(): string {
    return this.#deps.uri.display;
  }

  get driverName(): string {
    return this.#deps.uri.scheme;
  }

  /** Its identity, if its URI or the records name it. */
  get expectedId(): string | null {
    return this.#deps.uri.options["id"] ?? this.#deps.expected[0]?.storageId ?? null;
  }

  /** Why the last attempt to open it failed. */
  get error(): StowageError {
    return this.#error;
  }

  /** When that attempt was, in milliseconds since 1970. */
  get checkedAt(): number {
    return this.#checkedAt;
  }

  /** Try again. Never rejects. @returns `null` if it is still unreachable. */
  async open(): Promise<FileStorage | null> {
    const opening = await this.#deps.open(this.#deps.uri);
    this.#checkedAt = this.#deps.clock.now();
    if (opening.kind !== "opened") return this.#stayAway(this.#reasonOf(opening));
    const { driver, id } = opening.storage;
    try {
      this.#assertExpected(id);
      const storage = await this.#deps.join(opening.storage);
      const { display, driverName } = this;
      const found = { driver: driverName, storage: display, storageId: storage.id };
      this.#deps.logger.info("storage.fallback_back", found);
      return storage;
    } catch (error) {
      await Promise.allSettled([driver.dispose?.()]);
      return this.#stayAway(wrapDriverError(driver.name, "open storage", error));
    }
  }

  /** An empty place where the records know a storage is an unmounted disk, not a wrong setting. */
  #reasonOf({ kind, error }: Unopened): StowageError {
    if (kind !== "absent" || this.#deps.expected.length === 0) return error;
    return new StowageError("storage_unavailable", error.message, {
      cause: error,
      retryable: true,
      advice: "mount its disk, or correct FILE_STORAGE_FALLBACK",
    });
  }

  /** A different disk at the same place does not hold the missing files. */
  #assertExpected(id: string | null): void {
    const ids = this.#deps.expected.map(({ storageId }) => storageId);
    if (ids.length === 0 || ids.some((expected) => expected === id)) return;
    throw new StowageError(
      "storage_misconfigured",
      `Cannot open storage: it is storage ${id}, but the records expect ${ids.join(" or ")}`,
    );
  }

  #stayAway(error: StowageError): null {
    const isNew = error.code !== this.#error.code;
    this.#error = error;
    if (isNew) this.#report();
    return null;
  }

  #report(): void {
    const { display, driverName, expectedId, error } = this;
    const uploads = this.#deps.expected.reduce((sum, usage) => sum + usage.uploads, 0);
    const facts = { driver: driverName, storage: display, storageId: expectedId, uploads };
    this.#deps.logger.warn("storage.fallback_away", { ...facts, error });
  }
}
