import { randomUUID } from "node:crypto";
import { attributesOf, encryptionOf } from "./attributes.ts";
import { type Call, empty, type Reply, xml } from "./call.ts";
import { checkWrite } from "./conditions.ts";
import { S3Error } from "./errors.ts";
import { keyWriter, pageLimit } from "./listing.ts";
import { wholeSeconds } from "./objects.ts";
import { byBytes, md5Hex, type Part, type Upload } from "./store.ts";
import { childText, document, parseRequestXml, type XmlContent } from "./xml.ts";

const MAX_PART_NUMBER = 10_000;

function findUpload(call: Call): Upload {
  const upload = call.bucket.uploads.get(call.query.get("uploadId") ?? "");
  if (upload?.key === call.key) return upload;
  throw new S3Error("NoSuchUpload", "The specified multipart upload does not exist");
}

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html */
export function createUpload(call: Call): Reply {
  const headers = attributesOf(call.headers);
  const id = randomUUID();
  call.bucket.uploads.set(id, {
    id,
    key: call.key,
    startedAt: call.now,
    headers,
    parts: new Map(),
  });
  const body = document("InitiateMultipartUploadResult", [
    ["Bucket", call.bucket.name],
    ["Key", call.key],
    ["UploadId", id],
  ]);
  return xml(body, encryptionOf(headers));
}

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html */
export function uploadPart(call: Call): Reply {
  const upload = findUpload(call);
  const number = Number(call.query.get("partNumber"));
  if (!Number.isInteger(number) || number < 1 || number > MAX_PART_NUMBER) {
    throw new S3Error("InvalidArgument", `Part number must be from 1 to ${MAX_PART_NUMBER}`);
  }
  const etag = md5Hex(call.body);
  upload.parts.set(number, { number, body: call.body, etag, modifiedAt: wholeSeconds(call.now) });
  return empty(200, { etag: `"${etag}"`, ...encryptionOf(upload.headers) });
}

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html */
export function listParts(call: Call): Reply {
  const upload = findUpload(call);
  const write = keyWriter(call.query);
  const { asked, limit } = pageLimit(call, "max-parts");
  const marker = Number(call.query.get("part-number-marker") ?? 0);
  const all = [...upload.parts.values()]
    .sort((a, b) => a.number - b.number)
    .filter((part) => part.number > marker);
  const page = all.slice(0, limit);
  const truncated = all.length > page.length;
  const entries = page.map((part): [string, XmlContent] => [
    "Part",
    [
      ["PartNumber", part.number],
      ["LastModified", new Date(part.modifiedAt).toISOString()],
      ["ETag", `"${part.etag}"`],
      ["Size", part.body.length],
    ],
  ]);
  const body = document("ListPartsResult", [
    ["Bucket", call.bucket.name],
    ["Key", write(call.key)],
    ["UploadId", upload.id],
    ["PartNumberMarker", marker],
    ["NextPartNumberMarker", truncated ? page.at(-1)?.number : undefined],
    ["MaxParts", asked],
    ["IsTruncated", truncated],
    ...entries,
  ]);
  return xml(body);
}

/** The parts that a client names, in its order. @throws {S3Error} */
function chosenParts(call: Call, upload: Upload): Part[] {
  const root = parseRequestXml(call.body);
  const named = root.children.filter((child) => child.name === "Part");
  if (root.name !== "CompleteMultipartUpload" || named.length === 0) {
    throw new S3Error("MalformedXML", "A completion names at least one part");
  }
  let before = 0;
  return named.map((entry) => {
    const number = Number(childText(entry, "PartNumber"));
    if (!(number > before)) {
      throw new S3Error("InvalidPartOrder", "The list of parts was not in ascending order");
    }
    before = number;
    const part = upload.parts.get(number);
    if (!part || childText(entry, "ETag").replace(/^"(.*)"$/, "$1") !== part.etag) {
      throw new S3Error("InvalidPart", "One or more of the specified parts could not be found", {
        PartNumber: String(number),
      });
    }
    return part;
  });
}

function checkPartSizes(call: Call, parts: readonly Part[]): void {
  const sizes = parts.slice(0, -1).map((part) => part.body.length);
  const small = sizes.find((size) => size < call.rules.minPartBytes);
  if (small !== undefined) {
    throw new S3Error("EntityTooSmall", "Your proposed upload is smaller than the minimum size", {
      ProposedSize: String(small),
      MinSizeAllowed: String(call.rules.minPartBytes),
    });
  }
  const first = sizes[0];
  if (!call.rules.uniformParts || first === undefined) return;
  const last = parts.at(-1)?.body.length ?? 0;
  if (sizes.some((size) => size !== first) || last > first) {
    throw new S3Error("InvalidPart", "All non-trailing parts must have the same length");
  }
}

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html */
export function completeUpload(call: Call): Reply {
  const upload = findUpload(call);
  const parts = chosenParts(call, upload);
  checkPartSizes(call, parts);
  checkWrite(call.bucket.objects.get(call.key), call.headers);
  const digests = parts.map((part) => Buffer.from(part.etag, "hex"));
  const etag = `${md5Hex(...digests)}-${parts.length}`;
  call.bucket.objects.set(call.key, {
    key: call.key,
    body: Buffer.concat(parts.map((part) => part.body)),
    etag,
    modifiedAt: wholeSeconds(call.now),
    headers: upload.headers,
  });
  call.bucket.uploads.delete(upload.id);
  const body = document("CompleteMultipartUploadResult", [
    ["Location", `/${call.bucket.name}/${call.key}`],
    ["Bucket", call.bucket.name],
    ["Key", call.key],
    ["ETag", `"${etag}"`],
  ]);
  return xml(body, encryptionOf(upload.headers));
}

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html */
export function abortUpload(call: Call): Reply {
  call.bucket.uploads.delete(findUpload(call).id);
  return empty(204);
}

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html */
export function listUploads(call: Call): Reply {
  const { query } = call;
  const write = keyWriter(query);
  const prefix = query.get("prefix") ?? "";
  const keyMarker = query.get("key-marker") ?? "";
  const idMarker = query.get("upload-id-marker") ?? "";
  const { asked, limit } = pageLimit(call, "max-uploads");
  const sorted = [...call.bucket.uploads.values()]
    .filter((upload) => upload.key.startsWith(prefix))
    .sort((a, b) => byBytes(a.key, b.key) || byBytes(a.id, b.id));
  const all = sorted.filter((upload) => {
    const order = byBytes(upload.key, keyMarker);
    return order > 0 || (order === 0 && idMarker !== "" && byBytes(upload.id, idMarker) > 0);
  });
  const page = all.slice(0, limit);
  const last = all.length > page.length ? page.at(-1) : undefined;
  const entries = page.map((upload): [string, XmlContent] => [
    "Upload",
    [
      ["Key", write(upload.key)],
      ["UploadId", upload.id],
      ["StorageClass", "STANDARD"],
      ["Initiated", new Date(upload.startedAt).toISOString()],
    ],
  ]);
  const body = document("ListMultipartUploadsResult", [
    ["Bucket", call.bucket.name],
    ["Prefix", write(prefix)],
    ["KeyMarker", write(keyMarker)],
    ["UploadIdMarker", idMarker],
    ["NextKeyMarker", last && write(last.key)],
    ["NextUploadIdMarker", last?.id],
    ["EncodingType", query.get("encoding-type")],
    ["MaxUploads", asked],
    ["IsTruncated", last !== undefined],
    ...entries,
  ]);
  return xml(body);
}
