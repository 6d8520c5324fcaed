import { type Call, type Reply, xml } from "./call.ts";
import { S3Error } from "./errors.ts";
import { byBytes, type StoredObject } from "./store.ts";
import { document, type XmlContent } from "./xml.ts";

/** How S3 encodes keys in lists: as forms do, but for the slash. */
export function encodeListed(key: string): string {
  return encodeURIComponent(key)
    .replace(/%20/g, "+")
    .replace(/%2F/g, "/")
    .replace(/[!'()~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** @returns What writes keys the way `encoding-type` asks for. @throws {S3Error} `InvalidArgument`. */
export function keyWriter(query: ReadonlyMap<string, string>): (key: string) => string {
  const encoding = query.get("encoding-type");
  if (encoding === undefined) return (key) => key;
  if (encoding === "url") return encodeListed;
  throw new S3Error("InvalidArgument", "Invalid Encoding Method specified in Request");
}

/** A count from the query, cut to what one page holds. @throws {S3Error} `InvalidArgument`. */
export function pageLimit(call: Call, name: string): { asked: number; limit: number } {
  const asked = Number(call.query.get(name) ?? 1000);
  if (!Number.isInteger(asked) || asked < 0) {
    throw new S3Error("InvalidArgument", `Provided ${name} not an integer or within range`);
  }
  return { asked, limit: Math.min(asked, 1000, call.rules.pageSize) };
}

function decodeToken(token: string): string {
  const text = Buffer.from(token, "base64url").toString();
  if (!text.startsWith("after:")) {
    throw new S3Error("InvalidArgument", "The continuation token provided is incorrect");
  }
  return text.slice("after:".length);
}

interface Listed {
  /** A key, or a prefix that stands for all keys below it. */
  readonly name: string;
  readonly object?: StoredObject;
}

function listed(call: Call, prefix: string, delimiter: string, after: string): Listed[] {
  const found: Listed[] = [];
  const objects = [...call.bucket.objects.values()].sort((a, b) => byBytes(a.key, b.key));
  for (const object of objects) {
    const { key } = object;
    if (!key.startsWith(prefix) || byBytes(key, after) <= 0) continue;
    const end = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
    if (end < 0) {
      found.push({ name: key, object });
      continue;
    }
    const name = key.slice(0, end + delimiter.length);
    if (name !== after && found.at(-1)?.name !== name) found.push({ name });
  }
  return found;
}

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html */
export function listObjects(call: Call): Reply {
  const { query } = call;
  const write = keyWriter(query);
  const prefix = query.get("prefix") ?? "";
  const delimiter = query.get("delimiter") ?? "";
  const token = query.get("continuation-token");
  const startAfter = query.get("start-after");
  const after = token === undefined ? (startAfter ?? "") : decodeToken(token);
  const { asked, limit } = pageLimit(call, "max-keys");
  const all = listed(call, prefix, delimiter, after);
  const page = all.slice(0, limit);
  const truncated = limit > 0 && all.length > page.length;
  const last = page.at(-1)?.name ?? "";
  const entries = page.map(({ name, object }): [string, XmlContent] =>
    object
      ? [
          "Contents",
          [
            ["Key", write(name)],
            ["LastModified", new Date(object.modifiedAt).toISOString()],
            ["ETag", `"${object.etag}"`],
            ["Size", object.body.length],
            ["StorageClass", object.headers["x-amz-storage-class"] ?? "STANDARD"],
          ],
        ]
      : ["CommonPrefixes", [["Prefix", write(name)]]],
  );
  const body = document("ListBucketResult", [
    ["Name", call.bucket.name],
    ["Prefix", write(prefix)],
    ["Delimiter", delimiter === "" ? undefined : write(delimiter)],
    ["StartAfter", startAfter === undefined ? undefined : write(startAfter)],
    ["KeyCount", page.length],
    ["MaxKeys", Math.min(asked, 1000)],
    ["EncodingType", query.get("encoding-type")],
    ["IsTruncated", truncated],
    ["ContinuationToken", token],
    [
      "NextContinuationToken",
      truncated ? Buffer.from(`after:${last}`).toString("base64url") : undefined,
    ],
    ...entries,
  ]);
  return xml(body);
}
