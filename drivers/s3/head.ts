import {
  type CallOptions,
  isStowageError,
  type ObjectKey,
  type StoredObject,
} from "../../src/driver.ts";
import type { S3Store } from "./store.ts";
import type { S3Response } from "./wire/protocol.ts";
import { byteCount, drain, toStoredObject } from "./wire/response-headers.ts";

/** Stores whose bucket is known to exist. A 404 to HEAD has no body that could say that the bucket is missing. */
const bucketSeen = new WeakSet<S3Store>();

/** The object under `key`, or `null` only if nothing is stored there. */
export async function headObject(
  store: S3Store,
  key: ObjectKey,
  options: CallOptions = {},
): Promise<StoredObject | null> {
  const response = await findHead(store, key, options);
  return (
    response && toStoredObject(key, response.headers, byteCount(response.headers, "content-length"))
  );
}

/**
 * The headers of an object, metadata included.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
 */
export async function findHead(
  store: S3Store,
  key: ObjectKey,
  { signal }: CallOptions = {},
): Promise<S3Response | null> {
  const { client, keys } = store;
  try {
    const objectKey = keys.inBucket(key);
    const response = await client.send({ action: "HeadObject", method: "HEAD", objectKey, signal });
    await drain(response);
    bucketSeen.add(store);
    return response;
  } catch (error) {
    if (!isStowageError(error, "object_not_found")) throw error;
  }
  if (!bucketSeen.has(store)) await assertBucket(store, signal);
  return null;
}

/** @throws {StowageError} `storage_misconfigured` if there is no such bucket. */
async function assertBucket(store: S3Store, signal: AbortSignal | undefined): Promise<void> {
  try {
    await drain(await store.client.send({ action: "HeadBucket", method: "HEAD", signal }));
  } catch (error) {
    // The bucket exists, but its policy allows listing only our prefix.
    if (!isStowageError(error, "storage_access_denied")) throw error;
  }
  bucketSeen.add(store);
}
