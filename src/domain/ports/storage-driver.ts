import type { ByteRange } from "../byte-range.ts";
import type { Body } from "../bytes.ts";
import type { ObjectKey } from "../object-key.ts";
import type { RandomSource } from "./clock.ts";
import type { Hasher } from "./hasher.ts";
import type { Host } from "./host.ts";
import type { Logger } from "./logger.ts";

/** What every call takes. An aborted signal ends the call soon, with a `request_aborted` error. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** An object as its storage knows it. */
export interface StoredObject {
  readonly key: ObjectKey;
  readonly sizeBytes: number;
  /** The backend's own name for this content (an S3 ETag, an mtime and size). Opaque; changes with every put. */
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
}

export interface CheckOptions extends CallOptions {
  /** It was healthy a moment ago: whether it still answers will do, where more would cost. */
  readonly quick?: boolean;
}

export interface PutOptions extends CallOptions {
  /** Kept with the object where the backend can; the record is what counts. */
  readonly contentType?: string;
  /** Names in lower case, any Unicode value, 2 KiB together. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Only if nothing is stored under the key; otherwise `object_exists`. */
  readonly ifNoneMatch?: "*";
  /**
   * Called and awaited with the id of a multipart upload before its first part is sent, by drivers with a
   * `multipart` group: whoever is told can `abort` it if this process dies. If it rejects, the put fails
   * with its error and keeps nothing.
   */
  readonly onMultipart?: (multipartId: string) => Promise<void>;
}

export interface GetOptions extends CallOptions {
  /** Lies inside the object. */
  readonly range?: ByteRange;
  /** A `version`: anything else stored there is `object_changed`. */
  readonly ifMatch?: string;
}

export interface ObjectRead {
  readonly object: StoredObject;
  /** The stretch that `stream` delivers; the whole object if no range was asked for. */
  readonly range: ByteRange;
  /**
   * Exactly the bytes of `range`: a stream that ends early or late is an error on the stream. The caller
   * reads it to its end or cancels it; either frees what the driver holds.
   */
  readonly stream: ReadableStream<Uint8Array>;
}

/** What became of a batch of deletions. Keys that were not there count as deleted. */
export interface DeleteOutcome {
  readonly failures: readonly { readonly key: ObjectKey; readonly error: unknown }[];
}

export interface ListOptions extends CallOptions {
  /** Where the last page ended: its `next`. */
  readonly cursor?: string;
  /** At most so many objects; a page may be shorter, and still have a `next`. */
  readonly limit?: number;
}

export interface ListPage {
  readonly objects: readonly StoredObject[];
  /** Hand it in as `cursor` for the next page; `null` on the last one. */
  readonly next: string | null;
}

/** Whether the storage can be worked with, and what exactly cannot be done. */
export interface DriverCheck {
  readonly healthy: boolean;
  /** The steps tried, in order: the first that failed holds its error. */
  readonly steps: readonly {
    readonly name: "read" | "write" | "delete" | "list";
    readonly ok: boolean;
    readonly error?: unknown;
  }[];
}

/** What a backend can hold, as plain data. `null` means no limit of its own. */
export interface DriverLimits {
  readonly maxObjectBytes: number | null;
  readonly maxKeyBytes: number;
  /** The longest stretch of a key between two slashes, in bytes of UTF-8. */
  readonly maxSegmentBytes: number | null;
  /** Keys a `delete` call may name. */
  readonly maxDeleteKeys: number;
  /** Whether a body of unknown length has to be buffered or refused before it reaches the backend. */
  readonly needsKnownLength: boolean;
  /** Whether `ifNoneMatch: "*"` has exactly one winner among racing writers. */
  readonly atomicIfNoneMatch: boolean;
  /**
   * A put that has failed takes no effect afterwards. Without it, as over a network, where a request that nobody
   * waits for any more may still arrive, the keys of such puts are watched for a day.
   */
  readonly failureIsFinal?: true;
  /** Order of `list`: by the bytes of the key, or none that can be relied on. */
  readonly listOrder: "bytes" | "none";
  /** Rules for parts, where the driver has a `multipart` group. */
  readonly parts: {
    readonly minBytes: number;
    readonly maxBytes: number;
    readonly maxCount: number;
    /** Every part but the last has the same length. */
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
  /** @returns An id for the calls below. */
  create(key: ObjectKey, options: PutOptions): Promise<string>;
  putPart(
    key: ObjectKey,
    uploadId: string,
    number: number,
    body: Body,
    options?: CallOptions,
  ): Promise<StoredPart>;
  listParts(key: ObjectKey, uploadId: string, options?: CallOptions): Promise<StoredPart[]>;
  /** All or nothing: the object is there afterwards, or the parts still are. */
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

/** URLs that work without our credentials, for a while. */
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
  /** `Content-Disposition` and `Content-Type` of the answer, where the backend can set them. */
  readonly contentDisposition?: string;
  readonly contentType?: string;
}

export interface PresignedRequest {
  readonly url: string;
  /** Headers that the holder has to send along. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Whose leftovers are meant. */
export type LeftoverSelection =
  | { readonly key: ObjectKey }
  /** Every key right below this folder: `{folder}/{name}`. */
  | { readonly folder: ObjectKey }
  /** Any key, if the last sign of life of the write is older than this; milliseconds since 1970. */
  | { readonly before: number };

/** What writes that were never finished have left behind: temp files, parts without an object. */
export interface LeftoverGroup {
  /**
   * How long after its last sign of life a write is certainly dead. Set it only if every write in progress
   * gives such signs more often. Default: a day.
   */
  readonly deadAfterMs?: number;
  /**
   * Remove what unfinished writes left. The caller knows that these writes have ended, or that their result is
   * not wanted any more: a write that is still in progress then fails. Where the storage does not allow listing
   * them, none is removed and the log says so; parts whose id was noted are aborted without listing.
   *
   * @returns How many were removed.
   */
  remove(which: LeftoverSelection, options?: CallOptions): Promise<number>;
}

/**
 * One storage backend.
 *
 * A driver may trust its caller: keys are valid, ranges lie inside the object, sizes are within its
 * limits, options outside its groups are never passed. In turn it keeps two different keys apart, holds no
 * whole body in memory, frees every socket and descriptor when a call ends or is aborted, and throws only
 * {@link StowageError}. A capability is the presence of a group: it cannot be declared and be missing.
 *
 * The service reads `.stowage/storage.json` through the driver now and then, and calls nothing that writes or deletes
 * while it names another storage. A driver whose storage can be swapped at any moment, as a disk is unmounted, and that
 * can tell at no great cost, checks its own writes and deletes and fails them with `storage_unavailable`.
 */
export interface StorageDriver {
  /** Stamped by `defineDriver`. */
  readonly name: string;
  readonly limits: DriverLimits;

  /**
   * Store `body` under `key`, durably: when it resolves, a power cut loses nothing.
   *
   * Readers see the old object or the new one, never a mixture; on error or abort the old one stays, and
   * nothing of the new one. A body that fails fails the put with its own error, unchanged.
   */
  put(key: ObjectKey, body: Body, options?: PutOptions): Promise<StoredObject>;

  /**
   * @throws `object_not_found`, `object_changed` (also where the object has become shorter than the range);
   *   both before anything is read.
   */
  get(key: ObjectKey, options?: GetOptions): Promise<ObjectRead>;

  /** Resolves to `null` only when nothing is stored under `key`; every other trouble throws. */
  head(key: ObjectKey, options?: CallOptions): Promise<StoredObject | null>;

  /** Idempotent. Failures of single keys are returned, none is hidden. */
  delete(keys: readonly ObjectKey[], options?: CallOptions): Promise<DeleteOutcome>;

  /**
   * Objects whose key begins with `prefix` (any string, not only a folder). Every object that is there from
   * the first page to the last is told exactly once. `.stowage/` is told only when `prefix` begins with it.
   */
  list(prefix: string, options?: ListOptions): Promise<ListPage>;

  /** Proves read, write, list and delete with a probe under `.stowage/`, and names what is denied. */
  check(options?: CheckOptions): Promise<DriverCheck>;

  readonly multipart?: MultipartGroup;
  readonly presign?: PresignGroup;
  readonly leftovers?: LeftoverGroup;
  /** Server-side copy; `to` is replaced as `put` would. */
  copy?(from: ObjectKey, to: ObjectKey, options?: CallOptions): Promise<StoredObject>;
  /** Free what outlives calls: sockets, watchers. */
  dispose?(): Promise<void>;
}

/** What a driver gets from the runtime instead of importing it. */
export interface DriverContext {
  readonly fetch: typeof globalThis.fetch;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly random: RandomSource;
  readonly logger: Logger;
  readonly hash: Hasher;
  /**
   * The storage is an older one, to be found and not made. One that is not there is `storage_misconfigured`, and
   * `retryable` where it may come by itself, as a disk does that is not mounted yet.
   */
  readonly existing?: boolean;
  /** Environment and small files, on Node, Deno and Bun. */
  readonly host?: Host;
}

/** A driver before it is opened: how the registry knows it. */
export interface DriverDefinition {
  /** The scheme of its URIs. */
  readonly name: string;
  /**
   * Open one storage.
   *
   * @param options What the URI says: its query, `authority` (after `//`) and `path`, all strings; or an
   *   object in code.
   * @throws {StowageError} `storage_misconfigured`, naming every option that is wrong.
   */
  open(options: unknown, context: DriverContext): Promise<StorageDriver>;
}
