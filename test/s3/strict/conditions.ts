import { S3Error } from "./errors.ts";
import type { StoredObject } from "./store.ts";

type Headers = ReadonlyMap<string, string>;

function matches(list: string, etag: string): boolean {
  return list
    .split(",")
    .map((tag) => tag.trim().replace(/^"(.*)"$/, "$1"))
    .some((tag) => tag === "*" || tag === etag);
}

function failed(condition: string): S3Error {
  return new S3Error(
    "PreconditionFailed",
    "At least one of the pre-conditions you specified did not hold",
    { Condition: condition },
  );
}

/** Conditions of GET and HEAD. @throws {S3Error} `PreconditionFailed`, `NotModified`. */
export function checkRead(object: StoredObject, headers: Headers): void {
  const ifMatch = headers.get("if-match");
  if (ifMatch !== undefined && !matches(ifMatch, object.etag)) throw failed("If-Match");
  const unmodifiedSince = Date.parse(headers.get("if-unmodified-since") ?? "");
  if (ifMatch === undefined && object.modifiedAt > unmodifiedSince) {
    throw failed("If-Unmodified-Since");
  }
  const ifNoneMatch = headers.get("if-none-match");
  const modifiedSince = Date.parse(headers.get("if-modified-since") ?? "");
  const unchanged =
    ifNoneMatch === undefined
      ? object.modifiedAt <= modifiedSince
      : matches(ifNoneMatch, object.etag);
  if (unchanged) {
    throw new S3Error("NotModified", "Not Modified", {}, { etag: `"${object.etag}"` });
  }
}

/**
 * Conditions of PUT and CompleteMultipartUpload; asked in the same turn in which the object is stored, so
 * that racing writers have one winner.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
export function checkWrite(existing: StoredObject | undefined, headers: Headers): void {
  const ifNoneMatch = headers.get("if-none-match");
  if (ifNoneMatch !== undefined) {
    if (ifNoneMatch !== "*") {
      throw new S3Error("NotImplemented", "If-None-Match of a write takes nothing but *");
    }
    if (existing) throw failed("If-None-Match");
  }
  const ifMatch = headers.get("if-match");
  if (ifMatch === undefined) return;
  if (!existing) throw new S3Error("NoSuchKey", "The specified key does not exist");
  if (!matches(ifMatch, existing.etag)) throw failed("If-Match");
}

const WRITES = ["PutObject", "CopyObject", "CompleteMultipartUpload"];

/** As services answer that do not know conditions of writes. @throws {S3Error} `NotImplemented`. */
export function refuseConditions(action: string, headers: Headers): void {
  if (!WRITES.includes(action)) return;
  for (const name of ["if-none-match", "if-match"]) {
    if (!headers.has(name)) continue;
    const message = "A header you provided implies functionality that is not implemented";
    throw new S3Error("NotImplemented", message, { Header: name });
  }
}

/** First and last byte, inclusive; `undefined` for the whole object. @throws {S3Error} `InvalidRange`. */
export function parseRange(
  header: string | undefined,
  sizeBytes: number,
): readonly [first: number, last: number] | undefined {
  const m = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  // S3 takes no notice of ranges that it cannot read, nor of several at once.
  if (!m || (m[1] === "" && m[2] === "")) return undefined;
  const suffix = m[1] === "";
  const first = suffix ? Math.max(0, sizeBytes - Number(m[2])) : Number(m[1]);
  const last = suffix || m[2] === "" ? sizeBytes - 1 : Math.min(Number(m[2]), sizeBytes - 1);
  if (!suffix && m[2] !== "" && Number(m[2]) < first) return undefined;
  if (first >= sizeBytes || (suffix && Number(m[2]) === 0)) {
    throw new S3Error(
      "InvalidRange",
      "The requested range is not satisfiable",
      { RangeRequested: header ?? "", ActualObjectSize: String(sizeBytes) },
      { "content-range": `bytes */${sizeBytes}` },
    );
  }
  return [first, last];
}
