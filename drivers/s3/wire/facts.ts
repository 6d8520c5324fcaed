import { type ObjectKey, type StoredObject, StowageError } from "../../../src/driver.ts";
import type { S3Answer } from "./protocol.ts";

/**
 * What an answer's headers tell of an object.
 *
 * @param sizeBytes Of the whole object.
 */
export function describe(key: ObjectKey, headers: Headers, sizeBytes: number): StoredObject {
  const modifiedAt = toModifiedAt(headers.get("last-modified") ?? "");
  return { key, sizeBytes, version: etagOf(headers), modifiedAt };
}

/** @throws {StowageError} `storage_unavailable` if there is none: no answer of S3's about an object. */
export function etagOf(headers: Headers): string {
  const etag = headers.get("etag");
  if (etag === null || etag === "") throw distrust("its answer has no ETag");
  return quoted(etag);
}

/** Some services list ETags without the quotes that they send in headers. */
export function quoted(etag: string): string {
  return /^(W\/)?"/.test(etag) ? etag : `"${etag}"`;
}

/** Milliseconds of an HTTP date or an ISO one, in whole seconds. */
export function toModifiedAt(date: string): number {
  const parsed = Date.parse(date);
  if (Number.isNaN(parsed)) throw distrust("its answer has no time that can be read");
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
    throw distrust(`its answer has no ${name} that can be read`);
  }
  return count;
}

/** Read what nobody needs: a connection whose answer was read to its end can be used again. */
export async function finish({ body }: S3Answer): Promise<void> {
  if (body === null) return;
  for await (const _ of body);
}

/** The service answered, but not as S3 does. It may be a proxy's passing mood, so it is worth another try. */
export function distrust(found: string): StowageError {
  return new StowageError("storage_unavailable", `Cannot trust the S3 service: ${found}`, {
    retryable: true,
  });
}
