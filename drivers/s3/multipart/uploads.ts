import {
  type CallOptions,
  isStowageError,
  type ObjectKey,
  type PutOptions,
  type StoredPart,
} from "../../../src/driver.ts";
import { objectHeaders } from "../object-headers.ts";
import type { S3Store } from "../store.ts";
import type { XmlElement } from "../wire/protocol.ts";
import { drain, etagOf, quoteEtag, unexpectedResponse } from "../wire/response-headers.ts";
import { childText } from "../wire/xml.ts";
import { assertRoot, childrenOf, required, requiredCount } from "../wire/xml-fields.ts";
import type { Part } from "./parts.ts";

/** A multipart upload in progress. Each function below sends one kind of request about it. */
export interface UploadTarget {
  readonly key: ObjectKey;
  readonly uploadId: string;
}

/**
 * Begin an upload. This request sets the object's content type, metadata and encryption.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html
 */
export async function createUpload(
  { client, keys, writeHeaders }: S3Store,
  key: ObjectKey,
  { signal, ...options }: PutOptions = {},
): Promise<string> {
  const response = await client.sendForXml({
    action: "CreateMultipartUpload",
    method: "POST",
    objectKey: keys.inBucket(key),
    query: [["uploads", ""]],
    headers: { ...objectHeaders(options), ...writeHeaders },
    signal,
  });
  return required(response, "UploadId");
}

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html */
export async function sendPart(
  { client, keys }: S3Store,
  { key, uploadId }: UploadTarget,
  { number, bytes, sha256 }: Pick<Part, "number" | "bytes" | "sha256">,
  signal?: AbortSignal,
): Promise<StoredPart> {
  const response = await client.send({
    action: "UploadPart",
    method: "PUT",
    objectKey: keys.inBucket(key),
    query: [
      ["partNumber", String(number)],
      ["uploadId", uploadId],
    ],
    body: bytes,
    bodySha256: sha256,
    signal,
  });
  await drain(response);
  return { number, sizeBytes: bytes.byteLength, version: etagOf(response.headers) };
}

/** List all parts, page by page. @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html */
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
    if (found.some(({ number }) => number <= last))
      throw unexpectedResponse("it repeats a page of parts");
    parts.push(...found);
    if (childText(page, "IsTruncated") !== "true") return parts;
    if (found.length === 0)
      throw unexpectedResponse("a page of parts is empty, but more should follow");
  }
}

/**
 * Free what an upload holds. An upload that is already gone counts as aborted.
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
    const response = await client.send({
      action: "AbortMultipartUpload",
      method: "DELETE",
      objectKey: keys.inBucket(key),
      query: [["uploadId", uploadId]],
      signal,
    });
    await drain(response);
    return true;
  } catch (error) {
    if (isStowageError(error, "object_not_found")) return false;
    throw error;
  }
}

const ABANDON_TRIES = 3;
/** For all tries together, because a caller waits for them. */
const ABANDON_TIMEOUT_MS = 10_000;

/**
 * Free what a failed upload holds, with a signal of its own. S3 keeps a part that arrives during the abort, so
 * the abort is repeated until the upload is gone. Never rejects: the caller reports the upload's own failure.
 */
export async function abandonUpload(store: S3Store, target: UploadTarget): Promise<void> {
  const signal = AbortSignal.timeout(ABANDON_TIMEOUT_MS);
  let failure: unknown = null;
  for (let attempt = 1; attempt <= ABANDON_TRIES && !signal.aborted; attempt += 1) {
    try {
      const wasThere = await abortUpload(store, target, { signal });
      if (!wasThere || (await isGone(store, target, { signal }))) return;
    } catch (error) {
      failure = error;
      if (isStowageError(error) && !error.retryable) break;
    }
  }
  store.context.logger.warn("s3.parts_left", {
    bucket: store.client.bucket,
    advice: "abort the upload, or let a lifecycle rule remove incomplete multipart uploads",
    error: failure,
  });
}

/** Whether the upload has ended: it is completed, or aborted with all of its parts. */
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
    version: quoteEtag(required(part, "ETag")),
  };
}
