import {
  type CallOptions,
  isStowageError,
  type LeftoverGroup,
  type LeftoverSelection,
  type ListOptions,
  type MultipartGroup,
  throwIfAborted,
} from "../../../src/driver.ts";
import type { S3Store } from "../store.ts";
import type { XmlElement } from "../wire/protocol.ts";
import { unexpectedResponse } from "../wire/response-headers.ts";
import { childText } from "../wire/xml.ts";
import { assertRoot, childrenOf, keyReader, required } from "../wire/xml-fields.ts";
import { abortUpload } from "./uploads.ts";

const PAGE_UPLOADS = 1000;

type UploadPage = Awaited<ReturnType<MultipartGroup["listUploads"]>>;

/**
 * List uploads in progress below a prefix. Without `encoding-type`, because Ceph 16 encodes some of the keys without
 * saying so.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html
 */
export async function listUploads(
  { client, keys }: S3Store,
  prefix: string,
  { signal, cursor, limit = PAGE_UPLOADS }: ListOptions = {},
): Promise<UploadPage> {
  const page = await client.sendForXml({
    action: "ListMultipartUploads",
    method: "GET",
    query: [
      ["uploads", ""],
      ["max-uploads", String(Math.max(1, Math.min(limit, PAGE_UPLOADS)))],
      ["prefix", keys.inBucket(prefix)],
      ...(cursor === undefined ? [] : markersOf(cursor)),
    ],
    signal,
  });
  assertRoot(page, "ListMultipartUploadsResult");
  const read = keyReader(page);
  const uploads = childrenOf(page, "Upload").flatMap((upload) => {
    const key = keys.find(read(required(upload, "Key")));
    const startedAt = Date.parse(required(upload, "Initiated"));
    return key === null ? [] : [{ key, uploadId: required(upload, "UploadId"), startedAt }];
  });
  const next = childText(page, "IsTruncated") === "true" ? cursorOf(page, read) : null;
  if (next !== null && next === cursor)
    throw unexpectedResponse("it repeats a page of its uploads");
  return { uploads, next };
}

/** Removes parts of uploads that will not be completed. */
export function leftoverGroup(store: S3Store): LeftoverGroup {
  let warned = false;
  return {
    async remove(which, options = {}) {
      throwIfAborted(options.signal);
      try {
        return await removeUploads(store, which, options);
      } catch (error) {
        if (!isListingDenied(error)) throw error;
        if (!warned) {
          store.context.logger.warn("s3.leftovers_unseen", {
            bucket: store.client.bucket,
            advice:
              "let a lifecycle rule remove incomplete multipart uploads, or allow s3:ListBucketMultipartUploads",
          });
        }
        warned = true;
        return 0;
      }
    },
  };
}

async function removeUploads(
  store: S3Store,
  which: LeftoverSelection,
  options: CallOptions,
): Promise<number> {
  const { prefix, isSelected } = selectionOf(which);
  let removed = 0;
  let cursor: string | null = null;
  do {
    const from: ListOptions = cursor === null ? options : { ...options, cursor };
    const page: UploadPage = await listUploads(store, prefix, from);
    for (const { key, uploadId } of page.uploads.filter(isSelected)) {
      if (await abortUpload(store, { key, uploadId }, options)) removed += 1;
    }
    cursor = page.next;
  } while (cursor !== null);
  return removed;
}

/** The prefix to list, and which of the uploads to remove. */
function selectionOf(which: LeftoverSelection): {
  readonly prefix: string;
  readonly isSelected: (upload: UploadPage["uploads"][number]) => boolean;
} {
  if ("before" in which) {
    return { prefix: "", isSelected: ({ startedAt }) => startedAt < which.before };
  }
  if ("key" in which) return { prefix: which.key, isSelected: ({ key }) => key === which.key };
  const prefix = `${which.folder}/`;
  return { prefix, isSelected: ({ key }) => !key.slice(prefix.length).includes("/") };
}

/** A cursor holds both of S3's markers, because uploads of one key are ordered by their ids. */
function cursorOf(page: XmlElement, read: (text: string) => string): string {
  return JSON.stringify([
    read(required(page, "NextKeyMarker")),
    childText(page, "NextUploadIdMarker") ?? "",
  ]);
}

function markersOf(cursor: string): (readonly [string, string])[] {
  const [keyMarker, uploadIdMarker] = JSON.parse(cursor) as [string, string];
  const ofKey = ["key-marker", keyMarker] as const;
  return uploadIdMarker === "" ? [ofKey] : [ofKey, ["upload-id-marker", uploadIdMarker]];
}

function isListingDenied(error: unknown): boolean {
  if (!isStowageError(error) || error.data["action"] !== "ListMultipartUploads") return false;
  return error.code === "storage_access_denied" || error.code === "unsupported_option";
}
