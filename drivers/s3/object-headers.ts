import { type PutOptions, percentEncode, StowageError } from "../../src/driver.ts";

/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html */
const MAX_METADATA_BYTES = 2048;
const NAME = /^[a-z0-9][a-z0-9._-]*$/;
const HEADER_VALUE = /^[\x20-\x7e]+$/;

/** Everything that must be encoded in a header. `%` is included, so that decoding restores every value. */
const TO_ENCODE = /[^\x21-\x24\x26-\x7e]+/gu;

/**
 * The headers for an object's content type and metadata.
 *
 * Metadata values are percent-encoded except for printable ASCII other than spaces and `%`, so that any Unicode survives
 * every service and proxy. Decode them with `decodeURIComponent`. S3's limit of 2 KiB covers names and encoded values.
 *
 * @throws {StowageError} `invalid_metadata`
 */
export function objectHeaders({
  contentType,
  metadata = {},
}: Pick<PutOptions, "contentType" | "metadata">): Record<string, string> {
  const headers: Record<string, string> = {};
  if (contentType !== undefined) {
    if (!HEADER_VALUE.test(contentType))
      throw refuse("its content type is not a valid header value");
    headers["content-type"] = contentType;
  }
  let sizeBytes = 0;
  for (const [name, value] of Object.entries(metadata)) {
    if (!NAME.test(name)) throw refuse("a name has characters other than a-z, 0-9 and . _ -");
    const encoded = encode(value);
    sizeBytes += name.length + encoded.length;
    headers[`x-amz-meta-${name}`] = encoded;
  }
  if (sizeBytes > MAX_METADATA_BYTES) {
    throw refuse(`it has ${sizeBytes} bytes when encoded, S3 allows ${MAX_METADATA_BYTES}`);
  }
  return headers;
}

function encode(value: string): string {
  if (/\p{Cs}/u.test(value)) throw refuse("a value is not well-formed Unicode");
  return value.replace(TO_ENCODE, percentEncode);
}

function refuse(reason: string): StowageError {
  return new StowageError("invalid_metadata", `Cannot store metadata: ${reason}`);
}
