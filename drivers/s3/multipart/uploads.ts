import {
  type CallOptions,
  isStowageError,
  type ObjectKey,
  type PutOptions,
  type StoredPart,
} from "../../../src/driver.ts";
import { descriptionHeaders } from "../metadata.ts";
import type { S3Store } from "../store.ts";
import { assertRoot, childrenOf, required, requiredCount } from "../wire/answers.ts";
import { distrust, etagOf, finish, quoted } from "../wire/facts.ts";
import type { XmlElement } from "../wire/protocol.ts";
import { childText } from "../wire/xml.ts";
import type { Part } from "./parts.ts";

/** A multipart upload under way: the requests about it, one function each. */
export interface UploadTarget {
  readonly key: ObjectKey;
  readonly uploadId: string;
}

/**
 * Begin an upload. What the object will be beside its bytes is told here.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html
 */
export async function createUpload(
  { client, keys, writeHeaders }: S3Store,
  key: ObjectKey,
  { signal, ...options }: PutOptions = {},
): Promise<string> {
  const answer = await client.sendForXml({
    action: "CreateMultipartUpload",
    method: "POST",
    objectKey: keys.inBucket(key),
    query: [["uploads", ""]],
    headers: { ...descriptionHeaders(options), ...writeHeaders },
    signal,
  });
  return required(answer, "UploadId");
}

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html */
export async function sendPart(
  { client, keys }: S3Store,
  { key, uploadId }: UploadTarget,
  { number, bytes, sha256 }: Pick<Part, "number" | "bytes" | "sha256">,
  signal?: AbortSignal,
): Promise<StoredPart> {
  const answer = await client.send({
    action: "UploadPart",
    method: "PUT",
    objectKey: keys.inBucket(key),
    query: [
      ["partNumber", String(number)],
      ["uploadId", uploadId],
    ],
    body: bytes,
    ...(sha256 !== undefined && { bodySha256: sha256 }),
    signal,
  });
  await finish(answer);
  return { number, sizeBytes: bytes.byteLength, version: etagOf(answer.headers) };
}

/** All parts, through all pages. @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html */
export async function listParts(
  { client, keys }: S3Store,
  { key, uploadId }: UploadTarget,
  { signal }: CallOptions = {},
): Promise<StoredPart[]> {
  const parts: StoredPart[] = [];
  for (;;) {
    const last = parts.at(-1)?.number ?? 0;
    const page = await client.sendForXml({
      action: "ListParts",
      method: "GET",
      objectKey: keys.inBucket(key),
      query: [
        ["uploadId", uploadId],
        ["part-number-marker", String(last)],
      ],
      signal,
    });
    assertRoot(page, "ListPartsResult");
    const found = childrenOf(page, "Part").map(readPart);
    if (found.some(({ number }) => number <= last)) throw distrust("it repeats a page of parts");
    parts.push(...found);
    if (childText(page, "IsTruncated") !== "true") return parts;
    if (found.length === 0) throw distrust("it has more parts, and does not tell them");
  }
}

/**
 * Free what an upload holds. One that is gone already counts as aborted.
 *
 * @returns Whether it was there.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html
 */
export async function abortUpload(
  { client, keys }: S3Store,
  { key, uploadId }: UploadTarget,
  { signal }: CallOptions = {},
): Promise<boolean> {
  try {
    const answer = await client.send({
      action: "AbortMultipartUpload",
      method: "DELETE",
      objectKey: keys.inBucket(key),
      query: [["uploadId", uploadId]],
      signal,
    });
    await finish(answer);
    return true;
  } catch (error) {
    if (isStowageError(error, "object_not_found")) return false;
    throw error;
  }
}

/** Whether the upload has ended: completed, or aborted with all that it held. */
export async function isGone(
  store: S3Store,
  target: UploadTarget,
  options: CallOptions = {},
): Promise<boolean> {
  try {
    await listParts(store, target, options);
    return false;
  } catch (error) {
    if (isStowageError(error, "object_not_found")) return true;
    throw error;
  }
}

function readPart(part: XmlElement): StoredPart {
  return {
    number: requiredCount(part, "PartNumber"),
    sizeBytes: requiredCount(part, "Size"),
    version: quoted(required(part, "ETag")),
  };
}
