import {
  type Body,
  type MultipartGroup,
  readBody,
  StowageError,
  throwIfAborted,
} from "../../../src/driver.ts";
import { MAX_PART_BYTES, type S3Store } from "../store.ts";
import { completeUpload } from "./complete.ts";
import { listUploads } from "./leftovers.ts";
import { PartBuffer } from "./part-buffer.ts";
import type { Part } from "./parts.ts";
import { abortUpload, createUpload, listParts, sendPart } from "./uploads.ts";

/** The driver's `multipart` group: uploads in parts that outlive one request. */
export function multipartGroup(store: S3Store): MultipartGroup {
  return {
    create: (key, options) => createUpload(store, key, options),
    async putPart(key, uploadId, number, body, { signal } = {}) {
      throwIfAborted(signal);
      const content = await readPart(store, body, signal);
      return await sendPart(store, { key, uploadId }, { number, ...content }, signal);
    },
    listParts: (key, uploadId, options) => listParts(store, { key, uploadId }, options),
    complete: (key, uploadId, parts, options) =>
      completeUpload(store, { key, uploadId }, parts, options),
    async abort(key, uploadId, options) {
      await abortUpload(store, { key, uploadId }, options);
    },
    listUploads: (prefix, options) => listUploads(store, prefix, options),
  };
}

/** A part is held in memory, because its length and digest are sent before it. */
async function readPart(
  { context }: S3Store,
  body: Body,
  signal: AbortSignal | undefined,
): Promise<Pick<Part, "bytes" | "sha256">> {
  if (body.kind === "bytes") return { bytes: body.bytes };
  const buffer = new PartBuffer(context.hash);
  buffer.begin(MAX_PART_BYTES);
  for await (const chunk of readBody(body, signal)) {
    if (buffer.take(chunk).byteLength > 0) throw tooLong();
  }
  return { bytes: buffer.bytes, sha256: buffer.sha256() };
}

function tooLong(): StowageError {
  return new StowageError(
    "upload_too_large",
    `Cannot store part: it is longer than ${MAX_PART_BYTES} bytes`,
  );
}
