import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { z } from "zod";
import type { UploadResult } from "../../application/uploads/idempotent-uploads.ts";
import { type ErrorCode, StowageError, UploadTooLargeError } from "../../domain/errors.ts";
import { findMediaType } from "../../domain/media-type.ts";
import { bodyOf, findContentLength, refuseContentEncoding } from "../body/request-body.ts";
import { digestStream, readDigestHeaders } from "../body/request-digests.ts";
import { readDetails, requireFuture, toFlag } from "../body/upload-details.ts";
import { MAX_FORM_OVERHEAD_BYTES, readUploadForm } from "../body/upload-form.ts";
import { type EnvOf, endpoint, linkTo } from "../endpoint.ts";
import { readIdempotencyKey } from "../headers/idempotency-key.ts";
import { requestHeaders, responseHeaders } from "../openapi/headers.ts";
import { HttpError } from "../problem.ts";
import { json } from "../responses/responses.ts";
import { FilenameParams, PutNamedQuery, PutQuery, toUploadJson, UploadSchema } from "../schemas.ts";

type WriteContext = Context<EnvOf<"upload:write">>;

const CREATED = {
  ...json("Stored durably", UploadSchema),
  headers: responseHeaders("Location", "Idempotency-Replayed"),
};

const BODY_HEADERS = requestHeaders(
  ...(["Idempotency-Key", "Repr-Digest", "Content-Digest", "Content-MD5"] as const),
);

/** What may go wrong with any upload. */
const UPLOAD_PROBLEMS: readonly ErrorCode[] = [
  ...(["body_incomplete", "request_timeout", "upload_too_large"] as const),
  ...(["unsupported_media_type", "invalid_parameter", "invalid_filename"] as const),
  ...(["storage_unavailable", "storage_read_only", "storage_timeout"] as const),
  ...(["storage_full", "records_full", "reservation_lost"] as const),
  ...(["quota_exceeded", "invalid_digest", "digest_mismatch"] as const),
  ...(["invalid_idempotency_key", "idempotency_key_in_use", "idempotency_key_reused"] as const),
  // The first upload of an Idempotency-Key, once it was deleted.
  "upload_not_found",
];

/** A file as it comes, declared raw: a zod schema would have it read whole. */
const FILE_BODY = {
  description: "The file",
  content: { "*/*": { schema: { type: "string" as const, format: "binary" } } },
};

const FORM_BODY = {
  description:
    "Fields may come before or after the file. Every part is the file, a field or an error; an empty file input counts as no file. Text that is not UTF-8 is read in the charset that an earlier field `_charset_` names",
  required: true,
  content: {
    "multipart/form-data": {
      schema: {
        type: "object" as const,
        required: ["file"],
        properties: {
          file: { type: "string" as const, format: "binary" },
          auto_process: {
            type: "string" as const,
            enum: ["true", "false"],
            description: "Process on arrival; the default is the server's",
          },
          metadata: {
            type: "string" as const,
            description:
              "A JSON object of at most 2 KiB and 8 levels; it may be sent as a file of `application/json`",
          },
          expires_at: {
            type: "string" as const,
            format: "date-time",
            description: "When it is to be removed; RFC 3339, in the future",
          },
          sha256: {
            type: "string" as const,
            pattern: "^[0-9A-Fa-f]{64}$",
            description: "What the file has to be; a mismatch is 422, and nothing is kept",
          },
        },
      },
    },
  },
};

export const createUpload = endpoint({
  access: "upload:write",
  route: createRoute({
    method: "post",
    path: "/upload",
    operationId: "createUpload",
    tags: ["Uploads"],
    summary: "Upload a file as a form",
    parameters: BODY_HEADERS,
    request: { body: FORM_BODY },
    responses: { 201: CREATED },
  }),
  problems: [
    ...UPLOAD_PROBLEMS,
    ...(["invalid_multipart", "missing_file", "too_many_files"] as const),
    ...(["too_many_fields", "invalid_metadata"] as const),
  ],
  async handler(c) {
    const { headers } = c.req.raw;
    refuseContentEncoding(headers);
    const contentType = headers.get("Content-Type") ?? "";
    if (findMediaType(contentType) !== "multipart/form-data") {
      throw new HttpError(
        "unsupported_media_type",
        "Cannot read upload: POST takes multipart/form-data (PUT takes the file as it is)",
        { headers: { Accept: "multipart/form-data" } },
      );
    }
    const { tenant, subject } = c.var.caller;
    const { idempotentUploads, tenantLimits } = c.var.services;
    const limits = await tenantLimits.of(tenant);
    const { maxUploadBytes } = limits;
    const bodyBytes = findContentLength(headers);
    if ((bodyBytes ?? 0) > maxUploadBytes + MAX_FORM_OVERHEAD_BYTES) {
      throw new UploadTooLargeError(maxUploadBytes);
    }
    const idempotencyKey = readIdempotencyKey(headers);
    const claims = readDigestHeaders(headers);
    const whole = digestStream(bodyOf(c), claims, c.var.options.hasher);
    const form = await readUploadForm(whole.stream, contentType, maxUploadBytes);
    try {
      // Nobody has to send a whole file to hear of a mistake before it.
      readDetails(form.fieldsBefore, c.var.options.clock.now());
      const result = await idempotentUploads.upload({
        ...{ tenant, limits, createdBy: subject, via: "form", idempotencyKey },
        originalFilename: form.filename,
        declaredType: form.declaredType,
        body: { kind: "once", stream: form.file },
        atMostBytes: bodyBytes,
        async details() {
          const fields = await form.fields();
          whole.verify();
          return readDetails(fields, c.var.options.clock.now());
        },
        signal: c.req.raw.signal,
      });
      return created(c, result);
    } finally {
      form.release();
    }
  },
});

export const putUpload = endpoint({
  access: "upload:write",
  route: createRoute({
    method: "put",
    path: "/upload/{filename}",
    operationId: "putUpload",
    tags: ["Uploads"],
    summary: "Upload a file as it is, named by the path",
    description: "What `curl -T cv.pdf …/upload/` sends.",
    parameters: BODY_HEADERS,
    request: { params: FilenameParams, query: PutQuery, body: FILE_BODY },
    responses: { 201: CREATED },
  }),
  problems: [...UPLOAD_PROBLEMS, "invalid_request"],
  async handler(c) {
    const filename = decodeFilename(lastSegmentOf(c.req.url));
    return created(c, await putFile(c, filename, c.req.valid("query")));
  },
});

export const putUploadNamed = endpoint({
  access: "upload:write",
  route: createRoute({
    method: "put",
    path: "/upload",
    operationId: "putUploadNamed",
    tags: ["Uploads"],
    summary: "Upload a file as it is, named by the query",
    parameters: BODY_HEADERS,
    request: { query: PutNamedQuery, body: FILE_BODY },
    responses: { 201: CREATED },
  }),
  problems: [...UPLOAD_PROBLEMS, "invalid_request"],
  async handler(c) {
    const filename = decodeFilename(filenameOfQuery(c.req.url));
    return created(c, await putFile(c, filename, c.req.valid("query")));
  },
});

/** As sent, still encoded. Not by `URL`, which takes `%2e%2e` for the folder above. */
function lastSegmentOf(url: string): string {
  const [path = ""] = url.split(/[?#]/, 1);
  return path.replace(/\/$/, "").replace(/^.*\//, "");
}

/** As sent, still encoded, but for the `+` that a form writes for a space. */
function filenameOfQuery(url: string): string {
  const parameters = new URL(url).search.slice(1).split("&");
  // The `&` keeps a `?` that belongs to a name from being taken for the query's own.
  const named = parameters.find((parameter) =>
    new URLSearchParams(`&${parameter}`).has("filename"),
  );
  return named?.replace(/^[^=]*=?/, "").replaceAll("+", " ") ?? "";
}

/** The router leaves what it cannot decode as it is, so two names could become one, or one another. */
function decodeFilename(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch (error) {
    throw new StowageError(
      "invalid_filename",
      "Cannot use filename: it is not UTF-8 in percent-encoding",
      { cause: error },
    );
  }
}

async function putFile(
  c: WriteContext,
  filename: string,
  { auto_process, expires_at }: z.infer<typeof PutQuery>,
): Promise<UploadResult> {
  const { headers, signal } = c.req.raw;
  refuseContentEncoding(headers);
  if (headers.has("Content-Range")) {
    // RFC 9110, 14.5: a part would be taken for the whole.
    throw new HttpError("invalid_request", "Cannot store a part of a file: send all of it at once");
  }
  const declaredType = headers.get("Content-Type") ?? undefined;
  if (findMediaType(declaredType) === "multipart/form-data") {
    throw new HttpError(
      "unsupported_media_type",
      "Cannot read upload: PUT takes the file as it is (POST takes multipart/form-data)",
    );
  }
  const expiresAt =
    expires_at === undefined ? null : requireFuture(expires_at, c.var.options.clock.now());
  const digests = readDigestHeaders(headers);
  const idempotencyKey = readIdempotencyKey(headers);
  const sizeBytes = findContentLength(headers);
  const { tenant, subject } = c.var.caller;
  return await c.var.services.idempotentUploads.upload({
    ...{ tenant, createdBy: subject, via: "file", declaredType, signal, digests, idempotencyKey },
    originalFilename: filename,
    body: { kind: "once", stream: bodyOf(c), ...(sizeBytes === undefined ? {} : { sizeBytes }) },
    details: async () => ({ autoProcess: toFlag(auto_process), metadata: {}, expiresAt }),
  });
}

function created(c: WriteContext, { upload, replayed }: UploadResult) {
  c.header("Location", linkTo(c.var.options, `/upload/${upload.id}`));
  if (replayed) c.header("Idempotency-Replayed", "true");
  return c.json(toUploadJson(upload), 201);
}
