import { type ObjectKey, type StoredObject, StowageError } from "../../../src/driver.ts";
import type { S3Response } from "./protocol.ts";
import { NOT_S3 } from "./s3-codes.ts";

/**
 * The object that a response's headers describe.
 *
 * @param sizeBytes Size of the whole object.
 */
export function toStoredObject(key: ObjectKey, headers: Headers, sizeBytes: number): StoredObject {
  const modifiedAt = toModifiedAt(headers.get("last-modified") ?? "");
  return { key, sizeBytes, version: etagOf(headers), modifiedAt };
}

/** @throws {StowageError} `storage_unavailable` if there is none, which S3 never omits for an object. */
export function etagOf(headers: Headers): string {
  const etag = headers.get("etag");
  if (etag === null || etag === "") throw unexpectedResponse("its response has no ETag");
  return quoteEtag(etag);
}

/** Some services omit the quotes around ETags in listings. */
export function quoteEtag(etag: string): string {
  return /^(W\/)?"/.test(etag) ? etag : `"${etag}"`;
}

/** Milliseconds of an HTTP date or an ISO one, in whole seconds. */
export function toModifiedAt(date: string): number {
  const parsed = Date.parse(date);
  if (Number.isNaN(parsed)) throw unexpectedResponse("its response has no valid date");
  return wholeSeconds(parsed);
}

/** Headers have a precision of seconds. Listings must agree with them. */
export function wholeSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000) * 1000;
}

/** A header's number of bytes. @throws {StowageError} `storage_unavailable` if it is missing or invalid. */
export function byteCount(headers: Headers, name: string): number {
  const text = headers.get(name) ?? "";
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count)) {
    throw unexpectedResponse(`its response has no ${name} that can be read`);
  }
  return count;
}

/** Read the rest of a response, so that its connection can be reused. */
export async function drain({ body }: S3Response): Promise<void> {
  if (body === null) return;
  for await (const _ of body);
}

/** The error for a response that S3 would not send. A proxy may have caused it, so a retry may help. */
export function unexpectedResponse(reason: string): StowageError {
  return new StowageError(
    "storage_unavailable",
    `Unexpected response of the S3 service: ${reason}`,
    { retryable: true, advice: NOT_S3.advice },
  );
}
