import type { ByteRange } from "../byte-range.ts";
import type { Body } from "../bytes.ts";
import type { ObjectKey } from "../object-key.ts";
import type { RandomSource } from "./clock.ts";
import type { Hasher } from "./hasher.ts";
import type { Host } from "./host.ts";
import type { Logger } from "./logger.ts";

/** Options of every call. An aborted signal ends the call soon, with a `request_aborted` error. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** What a storage knows about an object. */
export interface StoredObject {
  readonly key: ObjectKey;
  readonly sizeBytes: number;
  /** The backend's own id of this content (an S3 ETag, an mtime and size). Opaque; changes with every put. */
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
}

export interface CheckOptions extends CallOptions {
  /** The storage was healthy a moment ago. If a full check is costly, only check that it still responds. */
  readonly quick?: boolean;
}

export interface PutOptions extends CallOptions {
  /** Stored with the object if the backend can. The record is authoritative. */
  readonly contentType?: string;
  /** Lower-case names, any Unicode values, 2 KiB in total. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Store only if the key is free; otherwise fail with `object_exists`. */
  readonly ifNoneMatch?: "*";
  /**
   * Drivers with a `multipart` group call and await this with the id of a multipart upload before they send its
   * first part, so that the upload can be aborted if this process dies. If it rejects, the put fails with its
   * error and keeps nothing.
   */
  readonly onMultipart?: (multipartId: string) => Promise<void>;
}

export interface GetOptions extends CallOptions {
  /** Lies inside the object. */
  readonly range?: ByteRange;
  /** A `version`. If another one is stored, the call fails with `object_changed`. */
  readonly ifMatch?: string;
}

export interface ObjectRead {
  readonly object: StoredObject;
  /** The range that `stream` delivers; the whole object if none was requested. */
  readonly range: ByteRange;
  /**
   * Exactly the bytes of `range`. Too few or too many bytes are an error on the stream. The caller reads it to
   * its end or cancels it; both free what the driver holds. Each chunk belongs to the caller, which may overwrite it
   * and transfer its buffer: the driver uses neither again.
   */
  readonly stream: ReadableStream<Uint8Array>;
}

/** The result of a batch delete. Missing keys count as deleted. */
export interface DeleteOutcome {
  readonly failures: readonly { readonly key: ObjectKey; readonly error: unknown }[];
}

export interface ListOptions extends CallOptions {
  /** The `next` of the previous page. */
  readonly cursor?: string;
  /** Maximum number of objects. A page may be shorter and still have a `next`. */
  readonly limit?: number;
}

export interface ListPage {
  readonly objects: readonly StoredObject[];
  /** The `cursor` for the next page; `null` on the last one. */
  readonly next: string | null;
}

/** Whether the storage works, and which step fails. */
export interface DriverCheck {
  readonly healthy: boolean;
  /** The steps tried, in order. The first that failed holds its error. */
  readonly steps: readonly {
    readonly name: "read" | "write" | "delete" | "list";
    readonly ok: boolean;
    readonly error?: unknown;
  }[];
}

/** Limits of a backend, as plain data. `null` means no limit. */
export interface DriverLimits {
  readonly maxObjectBytes: number | null;
  readonly maxKeyBytes: number;
  /** The longest segment of a key between two slashes, in bytes of UTF-8. */
  readonly maxSegmentBytes: number | null;
  /** Maximum number of keys in a `delete` call. */
  readonly maxDeleteKeys: number;
  /** Whether a body of unknown length must be buffered or refused before it reaches the backend. */
  readonly needsKnownLength: boolean;
  /** Whether exactly one of several racing writers with `ifNoneMatch: "*"` wins. */
  readonly atomicIfNoneMatch: boolean;
  /**
   * A failed put never takes effect later. Leave it out if it may, as over a network, where an abandoned request
   * can still arrive: the service then watches the keys of failed puts for a day.
   */
  readonly failureIsFinal?: true;
  /** Order of `list`: by the bytes of the key, or no reliable order. */
  readonly listOrder: "bytes" | "none";
  /** Rules for parts if the driver has a `multipart` group. */
  readonly parts: {
    readonly minBytes: number;
    readonly maxBytes: number;
    readonly maxCount: number;
    /** Whether all parts but the last must have the same length. */
    readonly uniform: boolean;
  } | null;
}

export interface StoredPart {
  /** From 1. */
  readonly number: number;
  readonly sizeBytes: number;
  readonly version: string;
}

/** Uploads in parts that outlive one request. */
export interface MultipartGroup {
  /** @returns The upload's id for the calls below. */
  create(key: ObjectKey, options: PutOptions): Promise<string>;
  putPart(
    key: ObjectKey,
    uploadId: string,
    number: number,
    body: Body,
    options?: CallOptions,
  ): Promise<StoredPart>;
  listParts(key: ObjectKey, uploadId: string, options?: CallOptions): Promise<StoredPart[]>;
  /** All or nothing: afterwards either the object exists, or the parts still do. */
  complete(
    key: ObjectKey,
    uploadId: string,
    parts: readonly StoredPart[],
    options?: PutOptions,
  ): Promise<StoredObject>;
  /** Idempotent; frees the parts. */
  abort(key: ObjectKey, uploadId: string, options?: CallOptions): Promise<void>;
  listUploads(
    prefix: string,
    options?: ListOptions,
  ): Promise<{
    readonly uploads: readonly {
      readonly key: ObjectKey;
      readonly uploadId: string;
      readonly startedAt: number;
    }[];
    readonly next: string | null;
  }>;
}

/** URLs that work without credentials for a limited time. */
export interface PresignGroup {
  get(key: ObjectKey, options: PresignOptions): Promise<PresignedRequest>;
  put(key: ObjectKey, options: PresignOptions & PutOptions): Promise<PresignedRequest>;
  putPart(
    key: ObjectKey,
    uploadId: string,
    number: number,
    options: PresignOptions,
  ): Promise<PresignedRequest>;
}

export interface PresignOptions {
  readonly expiresInSeconds: number;
  /** `Content-Disposition` and `Content-Type` of the response, if the backend can set them. */
  readonly contentDisposition?: string;
  readonly contentType?: string;
}

export interface PresignedRequest {
  readonly url: string;
  /** Headers that must be sent with the request. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Which leftovers to remove. */
export type LeftoverSelection =
  | { readonly key: ObjectKey }
  /** Every key directly in this folder: `{folder}/{name}`. */
  | { readonly folder: ObjectKey }
  /** Any key whose write was last active before this time, in milliseconds since 1970. */
  | { readonly before: number };

/** Leftovers of unfinished writes: temp files, parts without an object. */
export interface LeftoverGroup {
  /**
   * How long a write must be inactive to count as dead. Set it only if every write in progress shows activity
   * more often. Default: a day.
   */
  readonly deadAfterMs?: number;
  /**
   * Remove the leftovers of unfinished writes. The caller knows that these writes have ended or are not wanted any
   * more; a write that is still in progress then fails. If the storage does not allow listing leftovers, remove
   * none and log it; uploads whose id is known can be aborted without listing.
   *
   * @returns How many were removed.
   */
  remove(which: LeftoverSelection, options?: CallOptions): Promise<number>;
}

/**
 * One storage backend.
 *
 * A driver may trust its caller: keys are valid, ranges lie inside the object, sizes are within its limits, and
 * options outside its groups are never passed. In turn it keeps different keys apart, holds no whole body in memory,
 * frees every socket and descriptor when a call ends or is aborted, and throws only {@link StowageError}. A group is
 * either present and complete, or absent.
 *
 * The service regularly reads `.stowage/storage.json` through the driver, and calls no verb that writes or deletes while
 * the file names another storage. If a storage can be swapped at any moment, as a disk can be unmounted, and checking is
 * cheap, the driver itself checks writes and deletes and fails them with `storage_unavailable`.
 */
export interface StorageDriver {
  /** Set by `defineDriver`. */
  readonly name: string;
  readonly limits: DriverLimits;

  /**
   * Store `body` under `key` durably: once the call resolves, a power cut loses nothing.
   *
   * Readers see the old object or the new one, never a mixture. On error or abort the old one stays, and nothing of
   * the new one remains. If the body fails, the put fails with the body's error, unchanged.
   */
  put(key: ObjectKey, body: Body, options?: PutOptions): Promise<StoredObject>;

  /**
   * @throws `object_not_found`, or `object_changed` (also if the object is now shorter than the range). Both before
   *   anything is read.
   */
  get(key: ObjectKey, options?: GetOptions): Promise<ObjectRead>;

  /** Resolves to `null` only if nothing is stored under `key`; every other problem throws. */
  head(key: ObjectKey, options?: CallOptions): Promise<StoredObject | null>;

  /** Idempotent. Returns every failure of a single key. */
  delete(keys: readonly ObjectKey[], options?: CallOptions): Promise<DeleteOutcome>;

  /**
   * List objects whose key begins with `prefix` (any string, not only a folder). Every object that exists from the
   * first page to the last is listed exactly once. `.stowage/` is listed only if `prefix` begins with it.
   */
  list(prefix: string, options?: ListOptions): Promise<ListPage>;

  /** Tests read, write, list and delete with a probe under `.stowage/`, and reports what is denied. */
  check(options?: CheckOptions): Promise<DriverCheck>;

  readonly multipart?: MultipartGroup;
  readonly presign?: PresignGroup;
  readonly leftovers?: LeftoverGroup;
  /** Server-side copy. Replaces `to` as `put` does. */
  copy?(from: ObjectKey, to: ObjectKey, options?: CallOptions): Promise<StoredObject>;
  /** Free what outlives a call: sockets, watchers. */
  dispose?(): Promise<void>;
}

/** What the runtime provides, so that drivers do not import it. */
export interface DriverContext {
  readonly fetch: typeof globalThis.fetch;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly random: RandomSource;
  readonly logger: Logger;
  readonly hash: Hasher;
  /**
   * The storage must exist already and must not be created. A missing one is `storage_misconfigured`, and
   * `retryable` if it may appear by itself, like a disk that is not mounted yet.
   */
  readonly existing?: boolean;
  /** Environment and small files, on Node, Deno and Bun. */
  readonly host?: Host | undefined;
}

/** A driver before it is opened, as the registry holds it. */
export interface DriverDefinition {
  /** The scheme of its URIs. */
  readonly name: string;
  /**
   * Open one storage.
   *
   * @param options From a URI: its query, `authority` (after `//`) and `path`, all strings. In code: an object.
   * @throws {StowageError} `storage_misconfigured`, naming every invalid option.
   */
  open(options: unknown, context: DriverContext): Promise<StorageDriver>;
}
