import {
  type Body,
  isStowageError,
  type ObjectKey,
  type PutOptions,
  type StoredObject,
  type StowageError,
  throwIfAborted,
  toHex,
} from "../../src/driver.ts";
import { assertKeyFree, writeConditionally } from "./conditional-write.ts";
import { findHead } from "./head.ts";
import { type Part, partsOf } from "./multipart/parts.ts";
import { putInParts } from "./multipart/put-parts.ts";
import { objectHeaders } from "./object-headers.ts";
import type { S3Store } from "./store.ts";
import {
  byteCount,
  drain,
  etagOf,
  toStoredObject,
  unexpectedResponse,
  wholeSeconds,
} from "./wire/response-headers.ts";
import { digestOf } from "./wire/signing.ts";

/** Metadata with the SHA-256 of an object, so that it can be verified without the records. */
const DIGEST = "stowage-sha256";
/** Metadata that identifies the writer of a conditional write, to distinguish its own success from another's. */
const WRITER = "stowage-writer";

/**
 * Store a body: with one request if it fits into one part, otherwise in parts.
 *
 * With `ifNoneMatch`, exactly one of several racing writers wins if the service guarantees it
 * (`limits.atomicIfNoneMatch`). Otherwise the key is checked first, which cannot exclude a writer at the same moment.
 * Services that support the condition only on PutObject (Ceph, R2) decide races of bodies of one part; those that
 * reject it (B2) decide none.
 */
export async function putObject(
  store: S3Store,
  key: ObjectKey,
  body: Body,
  options: PutOptions = {},
): Promise<StoredObject> {
  const { signal, ifNoneMatch } = options;
  throwIfAborted(signal);
  // Fails early, before the body is read.
  objectHeaders(options);
  if (ifNoneMatch !== undefined && !store.provider.atomicIfNoneMatch) {
    await assertKeyFree(store, key, options);
  }
  const cut = new AbortController();
  const scope = signal === undefined ? cut.signal : AbortSignal.any([signal, cut.signal]);
  const rules = {
    partBytes: store.partBytes,
    uniform: store.provider.uniformParts,
    pool: store.pool,
  };
  const parts = partsOf(body, rules, scope);
  const { value: first } = await parts.next();
  if (first === undefined) throw unexpectedResponse("a body has no parts");
  return first.isWhole
    ? await putWhole(store, key, first, options)
    : await putInParts(store, key, { first, rest: parts, cut, scope }, options);
}

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html */
async function putWhole(
  store: S3Store,
  key: ObjectKey,
  { bytes, sha256: known }: Part,
  options: PutOptions,
): Promise<StoredObject> {
  const { client, keys, context } = store;
  const { signal, ifNoneMatch } = options;
  const sha256 = known ?? (await digestOf({ body: bytes }, context.hash));
  const writer = ifNoneMatch && toHex(context.random(new Uint8Array(16)));
  const own = { [DIGEST]: sha256, ...(writer !== undefined && { [WRITER]: writer }) };
  try {
    const response = await writeConditionally(store, key, options, (condition) =>
      client.send({
        action: "PutObject",
        method: "PUT",
        objectKey: keys.inBucket(key),
        headers: {
          ...objectHeaders({ ...options, metadata: { ...options.metadata, ...own } }),
          ...store.writeHeaders,
          ...condition,
        },
        body: bytes,
        bodySha256: sha256,
        signal,
      }),
    );
    await drain(response);
    // The object is stored, so a missing Date must not fail the put.
    const date = Date.parse(response.headers.get("date") ?? "");
    const modifiedAt = wholeSeconds(Number.isNaN(date) ? context.now() : date);
    return { key, sizeBytes: bytes.byteLength, version: etagOf(response.headers), modifiedAt };
  } catch (error) {
    if (writer === undefined || !isStowageError(error, "object_exists")) throw error;
    const own = await findOwn(store, key, writer, error, options);
    if (own === null) throw error;
    return own;
  }
}

/** A repeated write may be rejected because its first attempt succeeded and only the response was lost. */
async function findOwn(
  store: S3Store,
  key: ObjectKey,
  writer: string,
  { data }: StowageError,
  options: PutOptions,
): Promise<StoredObject | null> {
  if (typeof data["attempts"] !== "number" || data["attempts"] === 1) return null;
  const head = await findHead(store, key, options);
  if (head?.headers.get(`x-amz-meta-${WRITER}`) !== writer) return null;
  return toStoredObject(key, head.headers, byteCount(head.headers, "content-length"));
}
