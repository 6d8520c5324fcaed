import {
  type CallOptions,
  isStowageError,
  type ObjectKey,
  type PutOptions,
  StowageError,
} from "../../src/driver.ts";
import { headObject } from "./head.ts";
import type { S3Store } from "./store.ts";

/** Stores whose service rejects `If-None-Match` on writes. Others honour or ignore it. */
const withoutCondition = new WeakSet<S3Store>();

/** How a refusal may be worded besides 501, which B2 and Alibaba's OSS response. */
const REFUSALS: ReadonlySet<unknown> = new Set(["InvalidArgument", "InvalidRequest"]);

/**
 * Write under `key` with the header for `ifNoneMatch`.
 *
 * A service other than AWS may reject the header. Then this write and later ones check whether the key is free and
 * write without the header. An object that another writer stores in between is replaced.
 *
 * @param write Sends the write with these headers. Called at most twice.
 * @throws {StowageError} What `write` throws, or `object_exists` if the key is taken.
 */
export async function writeConditionally<Result>(
  store: S3Store,
  key: ObjectKey,
  { ifNoneMatch, signal }: PutOptions,
  write: (condition: Readonly<Record<string, string>>) => Promise<Result>,
): Promise<Result> {
  if (ifNoneMatch === undefined) return await write({});
  if (!withoutCondition.has(store)) {
    try {
      return await write({ "if-none-match": ifNoneMatch });
    } catch (error) {
      if (store.provider.atomicIfNoneMatch || !isRejection(error)) throw error;
    }
  }
  await assertKeyFree(store, key, signal === undefined ? {} : { signal });
  const result = await write({});
  // Only now: if another header had been rejected, this write would have failed as well.
  if (!withoutCondition.has(store)) {
    withoutCondition.add(store);
    store.context.logger.warn("s3.conditions_refused", { bucket: store.client.bucket });
  }
  return result;
}

/** @throws {StowageError} `object_exists` if something is stored under `key` now. */
export async function assertKeyFree(
  store: S3Store,
  key: ObjectKey,
  options: CallOptions,
): Promise<void> {
  if ((await headObject(store, key, options)) === null) return;
  throw new StowageError("object_exists", "Cannot store object: its key is taken");
}

function isRejection(error: unknown): boolean {
  if (!isStowageError(error)) return false;
  return error.code === "unsupported_option" || REFUSALS.has(error.data["s3Code"]);
}
