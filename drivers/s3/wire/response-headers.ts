import { type ObjectKey, type StoredObject, StowageError } from "../../../src/driver.ts";
import type { S3Response } from "./protocol.ts";

/**
 * What an response's headers tell of an object.
 *
 * @param sizeBytes Of the whole object.
 */
export function toStoredObject(key: ObjectKey, headers: Headers, sizeBytes: number): StoredObject {
  const modifiedAt = toModifiedAt(headers.get("last-modified") ?? "");
  return { key, sizeBytes, version: etagOf(headers), modifiedAt };
}

/** @throws {StowageError} `storage_unavailable` if there is none: no response of S3's about an object. */
export function etagOf(headers: Headers): string {
  const etag = headers.get("etag");
  if (etag === null || etag === "") throw unexpectedResponse("its response has no ETag");
  return quoteEtag(etag);
}

/** Some services list ETags without the quotes that they send in headers. */
export function quoteEtag(etag: string): string {
  return /^(W\/)?"/.test(etag) ? etag : `"${etag}"`;
}

/** Milliseconds of an HTTP date or an ISO one, in whole seconds. */
export function toModifiedAt(date: string): number {
  const parsed = Date.parse(date);
  if (Number.isNaN(parsed)) throw unexpectedResponse("its response has no time that can be read");
  return wholeSeconds(parsed);
}

/** Headers tell no more, and a listing that does must not disagree with them. */
export function wholeSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000) * 1000;
}

/** A header's number of bytes. @throws {StowageError} `storage_unavailable` if it is missing or none. */
export function byteCount(headers: Headers, name: string): number {
  const text = headers.get(name) ?? "";
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count)) {
    throw unexpectedResponse(`its response has no ${name} that can be read`);
  }
  return count;
}

/** Read what nobody needs: a connection whose response was read to its end can be used again. */
export async function drain({ body }: S3Response): Promise<void> {
  if (body === null) return;
  for await (const _ of body);
}

/** The service answered, but not as S3 does. It may be a proxy's passing mood, so it is worth another try. */
export function unexpectedResponse(found: string): StowageError {
  return new StowageError("storage_unavailable", `Cannot trust the S3 service: ${found}`, {
    retryable: true,
  });
}
