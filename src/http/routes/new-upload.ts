import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { z } from "zod";
import type { UploadResult } from "../../application/uploads/idempotent-uploads.ts";
import { type ErrorCode, StowageError } from "../../domain/errors.ts";
import { findMediaType } from "../../domain/media-type.ts";
import { bodyOf, findContentLength, refuseContentEncoding } from "../body/request-body.ts";
import { digestStream, readDigestHeaders } from "../body/request-digests.ts";
import { readDetails, requireFuture, toFlag } from "../body/upload-details.ts";
import { assertFormSize, readUploadForm } from "../body/upload-form.ts";
import { type EnvOf, endpoint, linkTo, tenantLimitsOf } from "../endpoint.ts";
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
  "Idempotency-Key",
  "Repr-Digest",
  "Content-Digest",
  "Content-MD5",
);

/** Problems of every upload. */
const UPLOAD_PROBLEMS: readonly ErrorCode[] = [
  "body_incomplete",
  "request_timeout",
  "upload_too_large",
  "unsupported_media_type",
  "invalid_parameter",
  "invalid_filename",
  "storage_unavailable",
  "storage_read_only",
  "storage_timeout",
  "storage_full",
  "records_full",
  "reservation_lost",
  "quota_exceeded",
  "invalid_digest",
  "digest_mismatch",
  "invalid_idempotency_key",
  "idempotency_key_in_use",
  "idempotency_key_reused",
  // For a retry after the upload of its Idempotency-Key was deleted.
  "upload_not_found",
];

/** Declared as plain OpenAPI: with a zod schema the library would read the whole file into memory. */
const FILE_BODY = {
  description: "The file",
  content: { "*/*": { schema: { type: "string" as const, format: "binary" } } },
};

const FORM_BODY = {
  description:
    "The file in the field `file`, and fields before or after it. No part is skipped: each is the file, a field or an error. An empty file input counts as no file. Text that is not UTF-8 is decoded with the charset named by an earlier field `_charset_`",
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
            description: "Process the file on arrival. The server sets the default",
          },
          metadata: {
            type: "string" as const,
            description:
              "A JSON object of at most 2 KiB and 8 levels. May be sent as a file of type `application/json`",
          },
          expires_at: {
            type: "string" as const,
            format: "date-time",
            description: "When Stowage removes the upload: RFC 3339, in the future",
          },
          sha256: {
            type: "string" as const,
            pattern: "^[0-9A-Fa-f]{64}$",
            description:
              "The SHA-256 of the file in hexadecimal. A mismatch is 422, and nothing is stored",
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
    summary: "Upload a file in a form",
    parameters: BODY_HEADERS,
    request: { body: FORM_BODY },
    responses: { 201: CREATED },
  }),
  problems: [
    ...UPLOAD_PROBLEMS,
    "invalid_multipart",
    "missing_file",
    "too_many_files",
    "too_many_fields",
    "invalid_metadata",
  ],
  async handler(c) {
    const { headers } = c.req.raw;
    refuseContentEncoding(headers);
    const contentType = headers.get("Content-Type") ?? "";
    if (findMediaType(contentType) !== "multipart/form-data") {
      throw new HttpError(
        "unsupported_media_type",
        "Cannot read upload: POST expects multipart/form-data (to send the bare file, use PUT)",
        { headers: { Accept: "multipart/form-data" } },
      );
    }
    const { tenant, subject } = c.var.caller;
    const { idempotentUploads } = c.var.services;
    const limits = await tenantLimitsOf(c, tenant);
    const { maxUploadBytes } = limits;
    const bodyBytes = findContentLength(headers);
    assertFormSize(bodyBytes ?? 0, maxUploadBytes);
    const idempotencyKey = readIdempotencyKey(headers);
    const claims = readDigestHeaders(headers);
    const whole = digestStream(bodyOf(c), claims, c.var.options.hasher);
    const form = await readUploadForm(whole.stream, contentType, maxUploadBytes);
    try {
      // Report mistakes in earlier fields before the file is sent.
      readDetails(form.fieldsBefore, c.var.options.clock.now());
      const result = await idempotentUploads.upload({
        tenant,
        limits,
        createdBy: subject,
        via: "form",
        idempotencyKey,
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
    summary: "Upload a file, named in the path",
    description: "The body is the file itself, as `curl -T cv.pdf …/upload/` sends it.",
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
    summary: "Upload a file, named in the query",
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

/** As sent, still encoded. Not parsed by `URL`, which resolves `%2e%2e` as the parent folder. */
function lastSegmentOf(url: string): string {
  const [path = ""] = url.split(/[?#]/, 1);
  return path.replace(/\/$/, "").replace(/^.*\//, "");
}

/** As sent, still encoded, except that `+` becomes a space, as forms write it. */
function filenameOfQuery(url: string): string {
  const parameters = new URL(url).search.slice(1).split("&");
  // URLSearchParams would drop a leading `?`, which may belong to the name; the `&` protects it.
  const named = parameters.find((parameter) =>
    new URLSearchParams(`&${parameter}`).has("filename"),
  );
  return named?.replace(/^[^=]*=?/, "").replaceAll("+", " ") ?? "";
}

/** The router leaves undecodable names as they are, so different names could become the same. */
function decodeFilename(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch (error) {
    throw new StowageError(
      "invalid_filename",
      "Cannot use filename: it is not percent-encoded UTF-8",
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
    // RFC 9110, 14.5: the part would be stored as if it were the whole file.
    throw new HttpError(
      "invalid_request",
      "Cannot store part of a file: send the whole file without Content-Range",
    );
  }
  const declaredType = headers.get("Content-Type") ?? undefined;
  if (findMediaType(declaredType) === "multipart/form-data") {
    throw new HttpError(
      "unsupported_media_type",
      "Cannot read upload: PUT expects the bare file (to send multipart/form-data, use POST)",
    );
  }
  const expiresAt =
    expires_at === undefined ? null : requireFuture(expires_at, c.var.options.clock.now());
  const digests = readDigestHeaders(headers);
  const idempotencyKey = readIdempotencyKey(headers);
  const sizeBytes = findContentLength(headers);
  const { tenant, subject } = c.var.caller;
  return await c.var.services.idempotentUploads.upload({
    tenant,
    limits: await tenantLimitsOf(c, tenant),
    createdBy: subject,
    via: "file",
    declaredType,
    signal,
    digests,
    idempotencyKey,
    originalFilename: filename,
    body: { kind: "once", sizeBytes, stream: bodyOf(c) },
    details: async () => ({ autoProcess: toFlag(auto_process), metadata: {}, expiresAt }),
  });
}

function created(c: WriteContext, { upload, replayed }: UploadResult) {
  c.header("Location", linkTo(c.var.options, `/upload/${upload.id}`));
  if (replayed) c.header("Idempotency-Replayed", "true");
  return c.json(toUploadJson(upload), 201);
}
