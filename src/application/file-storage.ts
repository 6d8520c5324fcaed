import type { ByteRange } from "../domain/byte-range.ts";
import type { Body } from "../domain/bytes.ts";
import type { DigestClaim } from "../domain/digest.ts";
import { StowageError } from "../domain/errors.ts";
import { utf8Length } from "../domain/filename.ts";
import { matchesMediaType } from "../domain/media-type.ts";
import { buildObjectKey, type ObjectKey, type ObjectRef } from "../domain/object-key.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { Hasher } from "../domain/ports/hasher.ts";
import type { Logger } from "../domain/ports/logger.ts";
import type { Sniffer } from "../domain/ports/sniffer.ts";
import type {
  LeftoverSelection,
  ObjectRead,
  StorageDriver,
  StoredObject,
} from "../domain/ports/storage-driver.ts";
import { IncomingBody } from "./incoming-body.ts";
import { type StorageHealth, StorageProbe, wrapDriverError } from "./storage-probe.ts";

/** An object by what makes its key, or by the key that a record holds verbatim. */
export type ObjectAddress = ObjectRef | ObjectKey;

export interface SaveOptions {
  /** What the client says it is; counts where the bytes say nothing, neither for it nor against it. */
  readonly declaredType?: string | undefined;
  readonly filename?: string | undefined;
  /** Media types that are accepted, `image/*` for all images; without it, any. */
  readonly allowedTypes?: readonly string[];
  /** The longest body that is accepted; without it, the driver's own limit. */
  readonly limitBytes?: number;
  /** What the client says that it hashes to. */
  readonly digests?: readonly DigestClaim[] | undefined;
  /** Called as bytes flow, and once when they have all come. */
  readonly onProgress?: (ended: boolean) => void;
  /**
   * Called and awaited with the id of a multipart upload, where the put needs one, before its first part is
   * sent: what {@link FileStorage.abortMultipart} takes if this process dies. If it rejects, nothing is kept.
   */
  readonly onMultipart?: (multipartId: string) => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/** What was stored, as found out while the bytes passed. */
export interface SavedFile {
  readonly key: ObjectKey;
  readonly sizeBytes: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  readonly contentType: string;
}

export interface ReadOptions {
  readonly range?: ByteRange;
  readonly signal?: AbortSignal | undefined;
}

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
  readonly #probe: StorageProbe;
  constructor(parts: {
    readonly id: string;
    readonly display: string;
    readonly driver: StorageDriver;
    readonly hasher: Hasher;
    readonly sniffer: Sniffer;
    readonly clock: Clock;
    readonly logger: Logger;
  }) {
    this.id = parts.id;
    this.display = parts.display;
    this.deadAfterMs = parts.driver.leftovers?.deadAfterMs;
    this.#driver = parts.driver;
    this.#hasher = parts.hasher;
    this.#sniffer = parts.sniffer;
    this.#clock = parts.clock;
    this.#logger = parts.logger.with({ driver: parts.driver.name });
    this.#probe = new StorageProbe(parts.driver, parts.clock, this.#logger);
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
      const stored = await this.#call("put", () =>
        this.#driver.put(key, incoming.body, { contentType, ...noting, ...signalOf(options) }),
      );
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
    return await this.#call("get", () =>
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
      const outcome = await this.#call("delete", () =>
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
    return await this.#call("head", () =>
      this.#driver.head(this.#keyOf(address), signalOf(options)),
    );
  }

  /** Every object whose key begins with `prefix`, through all pages. */
  async *list(prefix: string, options: ReadOptions = {}): AsyncGenerator<StoredObject> {
    let cursor: string | null = null;
    do {
      const from: { cursor?: string } = cursor === null ? {} : { cursor };
      const page = await this.#call("list", () =>
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
    await this.#call("abort", () =>
      multipart.abort(this.#keyOf(address), multipartId, signalOf(options)),
    );
  }

  /** Remove what unfinished writes left behind. @returns How many; 0 where the driver leaves nothing. */
  async removeLeftovers(which: LeftoverSelection): Promise<number> {
    return (await this.#call("leftovers", async () => this.#driver.leftovers?.remove(which))) ?? 0;
  }

  /** Whether the storage takes, gives and deletes; a recent answer is reused unless `fresh` is asked for. */
  async health(options: { readonly fresh?: boolean } = {}): Promise<StorageHealth> {
    return await this.#probe.health(options.fresh === true);
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

  /** One call of the driver: timed, and its errors made ours. */
  async #call<Result>(verb: string, operation: () => Promise<Result>): Promise<Result> {
    const startedAt = this.#clock.now();
    try {
      const result = await operation();
      this.#logger.debug(`storage.${verb}`, { durationMs: this.#clock.now() - startedAt });
      return result;
    } catch (error) {
      const wrapped = wrapDriverError(this.#driver.name, verb, error);
      if (wrapped.code.startsWith("storage_")) {
        this.#probe.forget();
        this.#logger.warn("storage.failed", {
          verb,
          durationMs: this.#clock.now() - startedAt,
          error: wrapped,
        });
      }
      throw wrapped;
    }
  }
}

function signalOf({ signal }: Pick<ReadOptions, "signal">): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
