import { attributesOf, encryptionOf } from "./attributes.ts";
import { type Call, empty, type Reply, xml } from "./call.ts";
import { checkRead, checkWrite, parseRange } from "./conditions.ts";
import { S3Error } from "./errors.ts";
import { type Bucket, md5Hex, type StoredObject } from "./store.ts";
import { parseTarget } from "./target.ts";
import { document } from "./xml.ts";

/** Answers to signed links may choose these themselves. */
const OVERRIDES = [
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-type",
  "expires",
];

export function findObject(bucket: Bucket, key: string): StoredObject {
  const object = bucket.objects.get(key);
  if (!object) throw new S3Error("NoSuchKey", "The specified key does not exist.", { Key: key });
  return object;
}

/** HTTP dates tell no more than whole seconds. */
export function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html */
export function putObject(call: Call): Reply {
  const headers = attributesOf(call.headers);
  checkWrite(call.bucket.objects.get(call.key), call.headers);
  const etag = md5Hex(call.body);
  const modifiedAt = wholeSeconds(call.now);
  call.bucket.objects.set(call.key, { key: call.key, body: call.body, etag, modifiedAt, headers });
  return empty(200, { etag: `"${etag}"`, ...encryptionOf(headers) });
}

/** Within one bucket. @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html */
export function copyObject(call: Call): Reply {
  const source = findObject(call.bucket, copySourceKey(call.headers, call.bucket.name));
  const replace = call.headers.get("x-amz-metadata-directive") === "REPLACE";
  const headers = replace
    ? attributesOf(call.headers)
    : { ...source.headers, ...encryptionOf(attributesOf(call.headers)) };
  if (source.key === call.key && !replace) {
    throw new S3Error("InvalidRequest", "This copy request is illegal: nothing would change");
  }
  checkWrite(call.bucket.objects.get(call.key), call.headers);
  const copy = { ...source, key: call.key, modifiedAt: wholeSeconds(call.now), headers };
  call.bucket.objects.set(call.key, copy);
  const body = document("CopyObjectResult", [
    ["LastModified", new Date(copy.modifiedAt).toISOString()],
    ["ETag", `"${copy.etag}"`],
  ]);
  return xml(body, encryptionOf(headers));
}

/** The key that `x-amz-copy-source` names. @throws {S3Error} For another bucket. */
export function copySourceKey(headers: ReadonlyMap<string, string>, bucket: string): string {
  const raw = headers.get("x-amz-copy-source") ?? "";
  const { path } = parseTarget(raw.startsWith("/") ? raw : `/${raw}`);
  if (!path.startsWith(`/${bucket}/`)) {
    throw new S3Error("NotImplemented", "Copies from another bucket are not implemented here");
  }
  return path.slice(bucket.length + 2);
}

/** Serves HEAD too, whose body the wire leaves out. @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html */
export function getObject(call: Call): Reply {
  const object = findObject(call.bucket, call.key);
  checkRead(object, call.headers);
  const range = parseRange(call.headers.get("range"), object.body.length);
  const headers: Record<string, string> = {
    ...object.headers,
    etag: `"${object.etag}"`,
    "last-modified": new Date(object.modifiedAt).toUTCString(),
    "accept-ranges": "bytes",
  };
  for (const name of OVERRIDES) {
    const override = call.query.get(`response-${name}`);
    if (override !== undefined) headers[name] = override;
  }
  if (!range) return { status: 200, headers, body: object.body };
  const [first, last] = range;
  headers["content-range"] = `bytes ${first}-${last}/${object.body.length}`;
  return { status: 206, headers, body: object.body.subarray(first, last + 1) };
}

/** Idempotent, as S3 is. @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html */
export function deleteObject(call: Call): Reply {
  call.bucket.objects.delete(call.key);
  return empty(204);
}
