import type { Body } from "../../domain/bytes.ts";
import { StowageError } from "../../domain/errors.ts";
import { utf8Length } from "../../domain/filename.ts";
import { matchesMediaType } from "../../domain/media-type.ts";
import { buildObjectKey, type ObjectKey } from "../../domain/object-key.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { Hasher } from "../../domain/ports/hasher.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type { Sniffer } from "../../domain/ports/sniffer.ts";
import type {
  CheckOptions,
  DriverCheck,
  LeftoverSelection,
  ObjectRead,
  StorageDriver,
  StoredObject,
} from "../../domain/ports/storage-driver.ts";
import { IncomingBody } from "../uploads/incoming-body.ts";
import { DriverCalls } from "./driver-calls.ts";
import type { ObjectAddress, ReadOptions, SavedFile, SaveOptions } from "./file-storage-options.ts";
import { IdentityGuard } from "./identity-guard.ts";
import {
  HEALTHY_FOR_MS,
  type StorageHealth,
  StorageProbe,
  wrapDriverError,
} from "./storage-probe.ts";

/**
 * One storage, as the rest of the service uses it.
 *
 * What is true of every driver is done here once: keys, limits, digests, the content type, errors and
 * timing. Older code knows this port as `IFileStorage`.
 */
export class FileStorage {
  /** The storage's identity, which records hold. */
  readonly id: string;
  /** Its URI, secrets masked. */
  readonly display: string;
  /** How often its bytes were not those that were stored, since the start, and when last. */
  readonly corruption: { reads: number; lastAt: number | null } = { reads: 0, lastAt: null };
  /** See `LeftoverGroup.deadAfterMs`. */
  readonly deadAfterMs: number | undefined;
  readonly #driver: StorageDriver;
  readonly #hasher: Hasher;
  readonly #sniffer: Sniffer;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #identity: IdentityGuard | null;
  readonly #calls: DriverCalls;
  readonly #probe: StorageProbe;
  constructor(parts: {
    readonly id: string;
    /** Whether the storage itself holds its id. A read-only one may be named by its URI alone (`?id=`). */
    readonly holdsId?: boolean;
    readonly display: string;
    readonly driver: StorageDriver;
    readonly hasher: Hasher;
    readonly sniffer: Sniffer;
    readonly clock: Clock;
    readonly logger: Logger;
  }) {
    const { id, driver, clock, holdsId = false } = parts;
    const logger = parts.logger.with({ driver: driver.name });
    const onFailure = () => this.#probe.forget();
    this.id = id;
    this.display = parts.display;
    this.deadAfterMs = driver.leftovers?.deadAfterMs;
    this.#driver = driver;
    this.#hasher = parts.hasher;
    this.#sniffer = parts.sniffer;
    this.#clock = clock;
    this.#logger = logger;
    this.#identity = holdsId
      ? new IdentityGuard({ id, driver, clock, logger, onChange: onFailure })
      : null;
    this.#calls = new DriverCalls({ driver, identity: this.#identity, clock, logger, onFailure });
    const check = (options?: CheckOptions) => this.#check(options);
    this.#probe = new StorageProbe({ name: driver.name, check }, clock, logger);
  }

  /** Whether a save that has failed may take effect afterwards. */
  get mayWriteLate(): boolean {
    return this.#driver.limits.failureIsFinal !== true;
  }

  /** Name of the driver behind it. */
  get driverName(): string {
    return this.#driver.name;
  }

  /**
   * Store one body durably. Its bytes stream once through the limit, the sniffer and SHA-256.
   *
   * @throws {UploadTooLargeError} As soon as the limit is passed; nothing is kept.
   * @throws {StowageError} `unsupported_media_type`, `body_incomplete`, `digest_mismatch`, `request_aborted`,
   *   `invalid_key`, `storage_*`; nothing is kept.
   */
  async save(address: ObjectAddress, body: Body, options: SaveOptions = {}): Promise<SavedFile> {
    const key = this.#keyOf(address);
    const limitBytes = Math.min(
      options.limitBytes ?? Number.MAX_SAFE_INTEGER,
      this.#driver.limits.maxObjectBytes ?? Number.MAX_SAFE_INTEGER,
    );
    const incoming = await IncomingBody.open(body, {
      hasher: this.#hasher,
      sniffer: this.#sniffer,
      declaredType: options.declaredType,
      filename: options.filename,
      limitBytes,
      digests: options.digests,
      onProgress: options.onProgress,
    });
    try {
      const { contentType } = incoming;
      if (options.allowedTypes && !matchesMediaType(contentType, options.allowedTypes)) {
        throw new StowageError(
          "unsupported_media_type",
          `Cannot accept upload: files of type ${contentType} are not taken here`,
        );
      }
      const { onMultipart } = options;
      const noting = onMultipart && this.#driver.multipart ? { onMultipart } : {};
      const stored = await this.#calls.guarded("put", async () => {
        const { body } = incoming;
        return await this.#driver.put(key, body, { contentType, ...noting, ...signalOf(options) });
      });
      await this.#assertKept(key);
      const sha256 = incoming.sha256();
      if (stored.sizeBytes !== incoming.sizeBytes) {
        throw new StowageError(
          "storage_unavailable",
          `Cannot trust the storage: it says it keeps ${stored.sizeBytes} bytes of ${incoming.sizeBytes}`,
        );
      }
      return { key, sizeBytes: incoming.sizeBytes, sha256, contentType };
    } finally {
      incoming.release();
    }
  }

  /**
   * Read an object, or a stretch of it. Read the stream to its end or cancel it.
   *
   * @throws {StowageError} `object_not_found`, `storage_*`.
   */
  async retrieve(address: ObjectAddress, options: ReadOptions = {}): Promise<ObjectRead> {
    const range = options.range === undefined ? {} : { range: options.range };
    return await this.#calls.get(() =>
      this.#driver.get(this.#keyOf(address), { ...range, ...signalOf(options) }),
    );
  }

  /**
   * Delete objects. Those that are not there count as deleted.
   *
   * @throws {StowageError} The first failure, after all others were tried.
   */
  async delete(addresses: readonly ObjectAddress[], options: ReadOptions = {}): Promise<void> {
    const keys = addresses.map((address) => this.#keyOf(address));
    const batch = this.#driver.limits.maxDeleteKeys;
    const failures: unknown[] = [];
    for (let start = 0; start < keys.length; start += batch) {
      const outcome = await this.#calls.guarded("delete", () =>
        this.#driver.delete(keys.slice(start, start + batch), signalOf(options)),
      );
      failures.push(...outcome.failures.map((failure) => failure.error));
    }
    if (failures.length > 0) throw wrapDriverError(this.#driver.name, "delete", failures[0]);
  }

  /** Delete everything whose key begins with `prefix`. */
  async deleteAll(prefix: string, options: ReadOptions = {}): Promise<void> {
    const batch: ObjectKey[] = [];
    for await (const { key } of this.list(prefix, options)) {
      if (batch.push(key) < this.#driver.limits.maxDeleteKeys) continue;
      await this.delete(batch.splice(0), options);
    }
    await this.delete(batch, options);
  }

  /** Whether something is stored there. `false` only when nothing is; any trouble throws. */
  async exists(address: ObjectAddress, options: ReadOptions = {}): Promise<boolean> {
    return (await this.stat(address, options)) !== null;
  }

  /** What is stored there, or `null` only when nothing is; any trouble throws. */
  async stat(address: ObjectAddress, options: ReadOptions = {}): Promise<StoredObject | null> {
    return await this.#calls.head(() => this.#driver.head(this.#keyOf(address), signalOf(options)));
  }

  /** Every object whose key begins with `prefix`, through all pages. */
  async *list(prefix: string, options: ReadOptions = {}): AsyncGenerator<StoredObject> {
    let cursor: string | null = null;
    do {
      const from: { cursor?: string } = cursor === null ? {} : { cursor };
      const page = await this.#calls.guarded("list", () =>
        this.#driver.list(prefix, { ...from, ...signalOf(options) }),
      );
      yield* page.objects;
      if (page.next !== null && page.next === cursor) {
        throw new StowageError("storage_unavailable", "Cannot list: the storage repeats a page");
      }
      cursor = page.next;
    } while (cursor !== null);
  }

  /** Free the parts of a multipart upload that will not be completed. Idempotent. */
  async abortMultipart(
    address: ObjectAddress,
    multipartId: string,
    options: ReadOptions = {},
  ): Promise<void> {
    const { multipart } = this.#driver;
    if (multipart === undefined) {
      // Opened by another driver than the one that has begun it: to wait for that one could be for ever.
      this.#logger.warn("storage.parts_out_of_reach");
      return;
    }
    await this.#calls.guarded("abort", () =>
      multipart.abort(this.#keyOf(address), multipartId, signalOf(options)),
    );
  }

  /** Remove what unfinished writes left behind. @returns How many; 0 where the driver leaves nothing. */
  async removeLeftovers(which: LeftoverSelection): Promise<number> {
    const { leftovers } = this.#driver;
    if (leftovers === undefined) return 0;
    return await this.#calls.guarded("leftovers", () => leftovers.remove(which));
  }

  /** Whether the storage takes, gives and deletes; a recent answer is reused unless `fresh` is asked for. */
  async health(options: { readonly fresh?: boolean } = {}): Promise<StorageHealth> {
    return await this.#probe.health(options.fresh === true);
  }

  /** Look whether this is still the storage that was opened; while it is not, it is neither written nor deleted in. */
  async lookAtIdentity(): Promise<void> {
    await this.#identity?.look();
  }

  /** Why it could not be read, or was another storage, when that was last looked at; `null` if all was well. */
  get trouble(): StowageError | null {
    return this.#identity?.trouble ?? null;
  }

  /** Somebody has read bytes that are not those that were stored. */
  noteCorruption(): void {
    this.corruption.reads += 1;
    this.corruption.lastAt = this.#clock.now();
  }

  /** Free what the driver holds. */
  async close(): Promise<void> {
    await this.#driver.dispose?.();
  }

  /** What was put while the storage was swapped for another is not kept. */
  async #assertKept(key: ObjectKey): Promise<void> {
    const replaced = this.#identity?.replaced ?? null;
    if (replaced === null) return;
    await this.#driver.delete([key]).catch(() => {});
    throw replaced;
  }

  async #check(options: CheckOptions = {}): Promise<DriverCheck> {
    await this.#identity?.look(options.quick === true ? HEALTHY_FOR_MS : 0);
    const error = this.#identity?.replaced ?? null;
    if (error !== null) return { healthy: false, steps: [{ name: "read", ok: false, error }] };
    return await this.#driver.check(options);
  }

  #keyOf(address: ObjectAddress): ObjectKey {
    const key = typeof address === "string" ? address : buildObjectKey(address);
    const { maxKeyBytes, maxSegmentBytes } = this.#driver.limits;
    const isLongSegment = (segment: string) =>
      utf8Length(segment) > (maxSegmentBytes ?? maxKeyBytes);
    if (utf8Length(key) <= maxKeyBytes && !key.split("/").some(isLongSegment)) return key;
    throw new StowageError(
      "invalid_key",
      `Cannot use object key: ${this.#driver.name} storage takes ${maxKeyBytes} bytes, ${maxSegmentBytes ?? maxKeyBytes} between slashes`,
    );
  }
}

function signalOf({ signal }: Pick<ReadOptions, "signal">): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
