import {
  type CallOptions,
  type ErrorCode,
  isStowageError,
  type PutOptions,
  type StoredObject,
  type StoredPart,
  StowageError,
  toHex,
} from "../../../src/driver.ts";
import { assertKeyFree, writeConditionally } from "../conditional-write.ts";
import { headObject } from "../head.ts";
import type { S3Store } from "../store.ts";
import type { XmlElement } from "../wire/protocol.ts";
import { quoteEtag, unexpectedResponse, wholeSeconds } from "../wire/response-headers.ts";
import { childText, escapeXml } from "../wire/xml.ts";
import { assertRoot } from "../wire/xml-fields.ts";
import { isGone, type UploadTarget } from "./uploads.ts";

/** The object may exist despite these: a response was lost, and the repeated request found the work done. */
const UNDECIDED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "object_not_found",
  "object_exists",
  "storage_unavailable",
  "storage_timeout",
]);
const S3_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/";
const MD5_ETAG = /^"([0-9a-f]{32})"$/;

/**
 * Complete an upload with all `parts`.
 *
 * If the service does not honour `ifNoneMatch` here, check first whether the key is free. An object that another writer
 * stores in between is replaced.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
 */
export async function completeUpload(
  store: S3Store,
  target: UploadTarget,
  parts: readonly StoredPart[],
  options: PutOptions = {},
): Promise<StoredObject> {
  const ordered = inOrder(parts);
  if (options.ifNoneMatch !== undefined && !store.provider.atomicIfNoneMatch) {
    await assertKeyFree(store, target.key, options);
  }
  try {
    const root = await writeConditionally(store, target.key, options, (condition) =>
      sendComplete(store, target, ordered, condition, options),
    );
    assertRoot(root, "CompleteMultipartUploadResult");
    return await toCompletedObject(store, target, ordered, childText(root, "ETag") ?? "");
  } catch (error) {
    if (!isStowageError(error) || !UNDECIDED.has(error.code)) throw error;
    const stored = await findCompleted(store, target, ordered, options).catch(() => null);
    if (stored === null) throw error;
    return stored;
  }
}

function sendComplete(
  { client, keys }: S3Store,
  { key, uploadId }: UploadTarget,
  parts: readonly StoredPart[],
  condition: Readonly<Record<string, string>>,
  { signal }: CallOptions,
): Promise<XmlElement> {
  const listed = parts.map(
    ({ number, version }) =>
      `<Part><PartNumber>${number}</PartNumber><ETag>${escapeXml(version)}</ETag></Part>`,
  );
  return client.sendForXml({
    action: "CompleteMultipartUpload",
    method: "POST",
    objectKey: keys.inBucket(key),
    query: [["uploadId", uploadId]],
    headers: { "content-type": "application/xml", ...condition },
    body: new TextEncoder().encode(
      `<CompleteMultipartUpload xmlns="${S3_NAMESPACE}">${listed.join("")}</CompleteMultipartUpload>`,
    ),
    signal,
  });
}

/** Ceph sends an empty ETag. Then a HEAD returns it, unless the object was replaced in the meantime. */
async function toCompletedObject(
  store: S3Store,
  { key }: UploadTarget,
  parts: readonly StoredPart[],
  etag: string,
): Promise<StoredObject> {
  const sizeBytes = sizeOf(parts);
  const modifiedAt = wholeSeconds(store.context.now());
  if (etag !== "") return { key, sizeBytes, version: quoteEtag(etag), modifiedAt };
  const seen = await headObject(store, key).catch(() => null);
  if (seen?.sizeBytes === sizeBytes) return seen;
  const version = expectedEtag(store, parts);
  if (version === null)
    throw unexpectedResponse("it does not report the ETag of the completed object");
  return { key, sizeBytes, version, modifiedAt };
}

/**
 * The object that this upload became, or `null`. It must have the upload's size and ETag, and the upload must be gone;
 * otherwise another writer stored the same bytes.
 */
async function findCompleted(
  store: S3Store,
  target: UploadTarget,
  parts: readonly StoredPart[],
  options: CallOptions,
): Promise<StoredObject | null> {
  const seen = await headObject(store, target.key, options);
  if (seen?.sizeBytes !== sizeOf(parts) || seen.version !== expectedEtag(store, parts)) return null;
  return (await isGone(store, target, options)) ? seen : null;
}

/**
 * The ETag of an object of these parts if their ETags are MD5s: the MD5 of those, and the number of parts. It is not a
 * digest of the object's bytes, but it is unique to these parts.
 */
function expectedEtag(
  { context }: S3Store,
  parts: readonly Pick<StoredPart, "version">[],
): string | null {
  const hash = context.hash("md5");
  for (const { version } of parts) {
    const [, hex] = MD5_ETAG.exec(version) ?? [];
    if (hex === undefined) return null;
    hash.update(Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)));
  }
  return `"${toHex(hash.digest())}-${parts.length}"`;
}

/** @throws {StowageError} `invalid_request` for no parts, or two of one number. */
function inOrder(parts: readonly StoredPart[]): StoredPart[] {
  const ordered = parts.toSorted((left, right) => left.number - right.number);
  const repeated = ordered.some(({ number }, index) => number === ordered[index - 1]?.number);
  if (ordered.length > 0 && !repeated) return ordered;
  throw new StowageError(
    "invalid_request",
    `Cannot complete upload: ${repeated ? "two parts have the same number" : "it has no parts"}`,
  );
}

function sizeOf(parts: readonly StoredPart[]): number {
  return parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
