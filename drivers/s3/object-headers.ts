import { type PutOptions, percentEncode, StowageError } from "../../src/driver.ts";

/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html */
const MAX_METADATA_BYTES = 2048;
const NAME = /^[a-z0-9][a-z0-9._-]*$/;
const HEADER_VALUE = /^[\x20-\x7e]+$/;

/** What headers carry unharmed; `%` is not among it, so that decoding gives back every value. */
const KEPT = /[^\x21-\x24\x26-\x7e]+/gu;

/**
 * The headers that say what an object is: its content type and metadata.
 *
 * A metadata value is percent-encoded wherever it is not printable ASCII (spaces and `%` included), so that
 * any Unicode survives every service and proxy; `decodeURIComponent` reads it. The 2 KiB of S3 are counted
 * over names and encoded values.
 *
 * @throws {StowageError} `invalid_metadata`
 */
export function objectHeaders({
  contentType,
  metadata = {},
}: Pick<PutOptions, "contentType" | "metadata">): Record<string, string> {
  const headers: Record<string, string> = {};
  if (contentType !== undefined) {
    if (!HEADER_VALUE.test(contentType)) throw refuse("its content type is no header value");
    headers["content-type"] = contentType;
  }
  let sizeBytes = 0;
  for (const [name, value] of Object.entries(metadata)) {
    if (!NAME.test(name)) throw refuse("a name is not made of a-z, 0-9 and . _ -");
    const encoded = encode(value);
    sizeBytes += name.length + encoded.length;
    headers[`x-amz-meta-${name}`] = encoded;
  }
  if (sizeBytes > MAX_METADATA_BYTES) {
    throw refuse(`it takes ${sizeBytes} bytes as sent, S3 keeps ${MAX_METADATA_BYTES}`);
  }
  return headers;
}

function encode(value: string): string {
  if (/\p{Cs}/u.test(value)) throw refuse("a value is not well-formed Unicode");
  return value.replace(KEPT, percentEncode);
}

function refuse(found: string): StowageError {
  return new StowageError("invalid_metadata", `Cannot store metadata: ${found}`);
}
