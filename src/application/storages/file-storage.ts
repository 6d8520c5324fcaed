import type { Body } from "../../domain/bytes.ts";
import { StowageError, untrustedStorage } from "../../domain/errors.ts";
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
  ListOptions,
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

interface FileStorageDeps {
  readonly id: string;
  /** Whether the storage itself holds its id. A read-only one may be named by its URI alone (`?id=`). */
  readonly holdsId?: boolean | undefined;
  readonly display: string;
  readonly driver: StorageDriver;
  readonly hasher: Hasher;
  readonly sniffer: Sniffer;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * One storage, as the rest of the service uses it.
 *
 * It does once what every driver needs: keys, limits, digests, the content type, errors and timing. Older code calls
 * this port `IFileStorage`.
 */
export class FileStorage {
  /** The identity of the storage. Records refer to it. */
  readonly id: string;
  /** Its URI, secrets masked. */
  readonly display: string;
  /** How many reads failed verification since the start, and when the last one did. */
  readonly corruption: { reads: number; lastAt: number | null } = { reads: 0, lastAt: null };
  /** See `LeftoverGroup.deadAfterMs`. */
  readonly deadAfterMs: number | undefined;
  readonly #deps: FileStorageDeps;
  readonly #identity: IdentityGuard | null;
  readonly #calls: DriverCalls;
  readonly #probe: StorageProbe;

  constructor(deps: FileStorageDeps) {
    const { id, driver, clock, holdsId = false } = deps;
    const logger = deps.logger.with({ driver: driver.name });
    const onFailure = () => this.#probe.forget();
    this.id = id;
    this.display = deps.display;
    this.deadAfterMs = driver.leftovers?.deadAfterMs;
    this.#deps = Object.freeze({ ...deps, logger });
    this.#identity = holdsId
      ? new IdentityGuard({ id, driver, clock, logger, onChange: onFailure })
      : null;
    this.#calls = new DriverCalls({ driver, identity: this.#identity, clock, logger, onFailure });
    const check = (options?: CheckOptions) => this.#check(options);
    this.#probe = new StorageProbe({ driver: { name: driver.name, check }, clock, logger });
  }

  /** Whether a failed save may still take effect later. */
  get mayWriteLate(): boolean {
    return this.#deps.driver.limits.failureIsFinal !== true;
  }

  /** The name of its driver. */
  get driverName(): string {
    return this.#deps.driver.name;
  }

  /**
   * Store one body durably. Its bytes pass once through the limit, the sniffer and SHA-256.
   *
   * @throws {UploadTooLargeError} As soon as the limit is passed; nothing is kept.
   * @throws {StowageError} `unsupported_media_type`, `body_incomplete`, `digest_mismatch`, `request_aborted`,
   *   `invalid_key`, `storage_*`; nothing is kept.
   */
  async save(address: ObjectAddress, body: Body, options: SaveOptions = {}): Promise<SavedFile> {
    const key = this.#keyOf(address);
    const limitBytes = Math.min(
      options.limitBytes ?? Number.MAX_SAFE_INTEGER,
      this.#deps.driver.limits.maxObjectBytes ?? Number.MAX_SAFE_INTEGER,
    );
    const incoming = await IncomingBody.open(body, {
      hasher: this.#deps.hasher,
      sniffer: this.#deps.sniffer,
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
          `Cannot accept upload: files of type ${contentType} are not allowed`,
        );
      }
      const { driver } = this.#deps;
      const stored = await this.#calls.guarded("put", () => {
        options.onPut?.();
        const onMultipart = driver.multipart && options.onMultipart;
        const { signal } = options;
        return driver.put(key, incoming.body, onlySet({ contentType, onMultipart, signal }));
      });
      await this.#assertKept(key);
      const sha256 = incoming.sha256();
      if (stored.sizeBytes !== incoming.sizeBytes) {
        throw untrustedStorage(
          `it reports ${stored.sizeBytes} stored bytes of ${incoming.sizeBytes}`,
        );
      }
      return { key, sizeBytes: incoming.sizeBytes, sha256, contentType };
    } finally {
      incoming.release();
    }
  }

  /**
   * Read an object, or a range of it. Read the stream to its end or cancel it.
   *
   * @throws {StowageError} `object_not_found`, `storage_*`.
   */
  async retrieve(address: ObjectAddress, options: ReadOptions = {}): Promise<ObjectRead> {
    return await this.#calls.get(() =>
      this.#deps.driver.get(this.#keyOf(address), onlySet(options)),
    );
  }

  /**
   * Delete objects. Missing objects count as deleted.
   *
   * @throws {StowageError} The first failure, after trying all objects.
   */
  async delete(addresses: readonly ObjectAddress[], options: ReadOptions = {}): Promise<void> {
    const keys = addresses.map((address) => this.#keyOf(address));
    const batch = this.#deps.driver.limits.maxDeleteKeys;
    const failures: unknown[] = [];
    for (let start = 0; start < keys.length; start += batch) {
      const outcome = await this.#calls.guarded("delete", () =>
        this.#deps.driver.delete(
          keys.slice(start, start + batch),
          onlySet({ signal: options.signal }),
        ),
      );
      failures.push(...outcome.failures.map((failure) => failure.error));
    }
    if (failures.length > 0) throw wrapDriverError(this.#deps.driver.name, "delete", failures[0]);
  }

  /** Delete everything whose key begins with `prefix`. */
  async deleteAll(prefix: string, options: ReadOptions = {}): Promise<void> {
    const batch: ObjectKey[] = [];
    for await (const { key } of this.list(prefix, options)) {
      if (batch.push(key) < this.#deps.driver.limits.maxDeleteKeys) continue;
      await this.delete(batch.splice(0), options);
    }
    await this.delete(batch, options);
  }

  /** Whether an object exists. Throws if that cannot be determined. */
  async exists(address: ObjectAddress, options: ReadOptions = {}): Promise<boolean> {
    return (await this.stat(address, options)) !== null;
  }

  /** The object, or `null` if it does not exist. Throws if that cannot be determined. */
  async stat(address: ObjectAddress, options: ReadOptions = {}): Promise<StoredObject | null> {
    return await this.#calls.head(() =>
      this.#deps.driver.head(this.#keyOf(address), onlySet({ signal: options.signal })),
    );
  }

  /** Every object whose key begins with `prefix`, through all pages. */
  async *list(prefix: string, options: ReadOptions = {}): AsyncGenerator<StoredObject> {
    let cursor: string | null = null;
    do {
      const from: ListOptions = onlySet({ cursor: cursor ?? undefined, signal: options.signal });
      const page = await this.#calls.guarded("list", () => this.#deps.driver.list(prefix, from));
      yield* page.objects;
      if (page.next !== null && page.next === cursor) {
        throw untrustedStorage("it returns the same page of a list again");
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
    const { multipart } = this.#deps.driver;
    if (multipart === undefined) {
      // Another driver began it and may never be configured again: do not wait for it.
      this.#deps.logger.warn("storage.parts_out_of_reach");
      return;
    }
    await this.#calls.guarded("abort", () =>
      multipart.abort(this.#keyOf(address), multipartId, onlySet({ signal: options.signal })),
    );
  }

  /** Remove what unfinished writes left behind. @returns How many. */
  async removeLeftovers(which: LeftoverSelection): Promise<number> {
    const { leftovers } = this.#deps.driver;
    if (leftovers === undefined) return 0;
    return await this.#calls.guarded("leftovers", () => leftovers.remove(which));
  }

  /** Whether the storage can write, read and delete. A recent result is reused unless `fresh` is set. */
  async health(options: { readonly fresh?: boolean } = {}): Promise<StorageHealth> {
    return await this.#probe.health(options.fresh === true);
  }

  /** Check that this is still the storage that was opened. While it is not, writes and deletes are refused. */
  async checkIdentity(): Promise<void> {
    await this.#identity?.check();
  }

  /** Why the last check of its identity failed; `null` if it passed. */
  get problem(): StowageError | null {
    return this.#identity?.problem ?? null;
  }

  /** A read failed verification. */
  noteCorruption(): void {
    this.corruption.reads += 1;
    this.corruption.lastAt = this.#deps.clock.now();
  }

  /** Release the resources of the driver. */
  async close(): Promise<void> {
    await this.#deps.driver.dispose?.();
  }

  /** Removes the object again if the storage was replaced during the put. */
  async #assertKept(key: ObjectKey): Promise<void> {
    const replaced = this.#identity?.replaced ?? null;
    if (replaced === null) return;
    await this.#deps.driver.delete([key]).catch(() => {});
    throw replaced;
  }

  async #check(options: CheckOptions = {}): Promise<DriverCheck> {
    await this.#identity?.check(options.quick === true ? HEALTHY_FOR_MS : 0);
    const error = this.#identity?.replaced ?? null;
    if (error !== null) return { healthy: false, steps: [{ name: "read", ok: false, error }] };
    return await this.#deps.driver.check(options);
  }

  #keyOf(address: ObjectAddress): ObjectKey {
    const key = typeof address === "string" ? address : buildObjectKey(address);
    const { maxKeyBytes, maxSegmentBytes } = this.#deps.driver.limits;
    const isLongSegment = (segment: string) =>
      utf8Length(segment) > (maxSegmentBytes ?? maxKeyBytes);
    if (utf8Length(key) <= maxKeyBytes && !key.split("/").some(isLongSegment)) return key;
    throw new StowageError(
      "invalid_key",
      `Cannot use object key: ${this.#deps.driver.name} storage allows ${maxKeyBytes} bytes, ${maxSegmentBytes ?? maxKeyBytes} between slashes`,
    );
  }
}

/** Drivers see only the options that are set. */
function onlySet<Options extends object>(options: Options): OnlySet<Options> {
  const set: Partial<Options> = {};
  for (const name in options) if (options[name] !== undefined) set[name] = options[name];
  return set as OnlySet<Options>;
}

type OnlySet<Options> = { [Name in keyof Options]?: Exclude<Options[Name], undefined> };
