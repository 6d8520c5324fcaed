import { StowageError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type { StorageUsage } from "../../domain/ports/upkeep-records.ts";
import type { StorageUri } from "../../domain/storage-uri.ts";
import type { FileStorage } from "./file-storage.ts";
import type { OpenedStorage, Opening, Unopened } from "./open-storage.ts";
import { wrapDriverError } from "./storage-probe.ts";

interface AwayStorageParts {
  readonly open: (uri: StorageUri) => Promise<Opening>;
  /** Make it a storage that the service can use. */
  readonly join: (opened: OpenedStorage) => Promise<FileStorage>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A fallback that could not be reached when the service started. What lies there is a 503 until it is back. */
export class AwayStorage {
  readonly #uri: StorageUri;
  readonly #expected: readonly StorageUsage[];
  readonly #parts: AwayStorageParts;
  #error: StowageError;
  #checkedAt: number;

  /**
   * @param expected The storages that the records know by this URI, and no other configured storage is.
   * @param opening Why it could not be opened.
   */
  constructor(
    uri: StorageUri,
    expected: readonly StorageUsage[],
    opening: Unopened,
    parts: AwayStorageParts,
  ) {
    this.#uri = uri;
    this.#expected = expected;
    this.#parts = parts;
    this.#error = this.#reasonOf(opening);
    this.#checkedAt = parts.clock.now();
    this.#report();
  }

  /** Its URI, secrets masked. */
  get display(): string {
    return this.#uri.display;
  }

  get driverName(): string {
    return this.#uri.scheme;
  }

  /** Its identity, where its URI or the records tell it. */
  get expectedId(): string | null {
    return this.#uri.options["id"] ?? this.#expected[0]?.storageId ?? null;
  }

  /** Why it could not be opened, the last time it was tried. */
  get error(): StowageError {
    return this.#error;
  }

  /** When that was, in milliseconds since 1970. */
  get checkedAt(): number {
    return this.#checkedAt;
  }

  /** Try again. Never rejects. @returns `null` if it is still away. */
  async open(): Promise<FileStorage | null> {
    const opening = await this.#parts.open(this.#uri);
    this.#checkedAt = this.#parts.clock.now();
    if (opening.kind !== "opened") return this.#stayAway(this.#reasonOf(opening));
    const { driver, id } = opening.storage;
    try {
      this.#assertExpected(id);
      const storage = await this.#parts.join(opening.storage);
      const { display, driverName } = this;
      const found = { driver: driverName, storage: display, storageId: storage.id };
      this.#parts.logger.info("storage.fallback_back", found);
      return storage;
    } catch (error) {
      await Promise.allSettled([driver.dispose?.()]);
      return this.#stayAway(wrapDriverError(driver.name, "open storage", error));
    }
  }

  /** An empty place where the records know a storage is an unmounted disk, not a wrong setting. */
  #reasonOf({ kind, error }: Unopened): StowageError {
    if (kind !== "absent" || this.#expected.length === 0) return error;
    return new StowageError("storage_unavailable", `${error.message}; is its disk mounted?`, {
      cause: error,
      retryable: true,
    });
  }

  /** Another disk at the same place holds nothing of what is missed. */
  #assertExpected(id: string | null): void {
    const ids = this.#expected.map(({ storageId }) => storageId);
    if (ids.length === 0 || ids.some((expected) => expected === id)) return;
    throw new StowageError(
      "storage_misconfigured",
      `Cannot open storage: it is storage ${id}, the records expect ${ids.join(" or ")} there`,
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
    const uploads = this.#expected.reduce((sum, usage) => sum + usage.uploads, 0);
    const facts = { driver: driverName, storage: display, storageId: expectedId, uploads };
    this.#parts.logger.warn("storage.fallback_away", { ...facts, error });
  }
}
