import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { ByteStream } from "../../domain/bytes.ts";
import { UploadTooLargeError } from "../../domain/errors.ts";
import { findMediaType } from "../../domain/media-type.ts";
import type { Upload } from "../../domain/upload.ts";
import { ACCESS_PROBLEMS, json, problems } from "../answers.ts";
import { formatCursor, parseCursor } from "../cursor.ts";
import { type EnvOf, endpoint } from "../endpoint.ts";
import { MAX_FORM_OVERHEAD_BYTES, readUploadForm } from "../multipart.ts";
import { HttpError } from "../problem.ts";
import { bodyOf, findContentLength, refuseContentEncoding } from "../request-body.ts";
import {
  FilenameParams,
  ListQuery,
  PutNamedQuery,
  PutQuery,
  toListFilter,
  toUploadJson,
  UploadIdParams,
  UploadListSchema,
  UploadSchema,
} from "../schemas.ts";
import { readDetails, toFlag } from "../upload-details.ts";

type WriteContext = Context<EnvOf<"upload:write">>;

const CREATED = {
  ...json("Stored durably", UploadSchema),
  headers: {
    Location: { description: "Where the upload is", schema: { type: "string" as const } },
  },
};

const UPLOAD_PROBLEMS = {
  ...problems(
    ...(["body_incomplete", "request_timeout", "upload_too_large"] as const),
    ...(["unsupported_media_type", "invalid_parameter", "invalid_filename"] as const),
    ...(["storage_unavailable", "storage_full", "storage_timeout"] as const),
  ),
  ...ACCESS_PROBLEMS,
};

/** A file as it comes, declared raw: a zod schema would have it read whole. */
const FILE_BODY = {
  description: "The file",
  content: { "*/*": { schema: { type: "string" as const, format: "binary" } } },
};

const FORM_BODY = {
  description: "Fields may come before or after the file",
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
          metadata: { type: "string" as const, description: "A JSON object, at most 2 KiB" },
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
    summary: "Upload a file as a form",
    request: { body: FORM_BODY },
    responses: {
      201: CREATED,
      ...UPLOAD_PROBLEMS,
      ...problems("invalid_multipart", "missing_file", "too_many_files", "too_many_fields"),
      ...problems("invalid_filename", "invalid_metadata", "invalid_parameter"),
    },
  }),
  async handler(c) {
    const { headers } = c.req.raw;
    refuseContentEncoding(headers);
    const contentType = headers.get("Content-Type") ?? "";
    if (findMediaType(contentType) !== "multipart/form-data") {
      throw new HttpError(
        "unsupported_media_type",
        "Cannot read upload: POST takes multipart/form-data (PUT takes the file as it is)",
      );
    }
    const { maxUploadBytes } = c.var.options;
    if ((findContentLength(headers) ?? 0) > maxUploadBytes + MAX_FORM_OVERHEAD_BYTES) {
      throw new UploadTooLargeError(maxUploadBytes);
    }
    const form = await readUploadForm(bodyOf(c), contentType);
    const { tenant, subject } = c.var.caller;
    const upload = await c.var.services.uploads.upload({
      tenant,
      createdBy: subject,
      originalFilename: form.filename,
      declaredType: form.declaredType,
      body: { kind: "once", stream: form.file },
      details: async () => readDetails(await form.fields()),
      signal: c.req.raw.signal,
    });
    return created(c, upload);
  },
});

export const putUpload = endpoint({
  access: "upload:write",
  route: createRoute({
    method: "put",
    path: "/upload/{filename}",
    operationId: "putUpload",
    summary: "Upload a file as it is, named by the path",
    description: "What `curl -T cv.pdf …/upload/` sends.",
    request: { params: FilenameParams, query: PutQuery, body: FILE_BODY },
    responses: { 201: CREATED, ...UPLOAD_PROBLEMS },
  }),
  async handler(c) {
    const { filename } = c.req.valid("param");
    return created(c, await putFile(c, filename, c.req.valid("query").auto_process));
  },
});

export const putUploadNamed = endpoint({
  access: "upload:write",
  route: createRoute({
    method: "put",
    path: "/upload",
    operationId: "putUploadNamed",
    summary: "Upload a file as it is, named by the query",
    request: { query: PutNamedQuery, body: FILE_BODY },
    responses: { 201: CREATED, ...UPLOAD_PROBLEMS },
  }),
  async handler(c) {
    const { filename, auto_process } = c.req.valid("query");
    return created(c, await putFile(c, filename, auto_process));
  },
});

export const listUploads = endpoint({
  access: "upload:read",
  route: createRoute({
    method: "get",
    path: "/upload",
    operationId: "listUploads",
    summary: "List uploads, newest first",
    request: { query: ListQuery },
    responses: {
      200: json("A page of the tenant's uploads", UploadListSchema),
      ...problems("invalid_cursor", "invalid_parameter"),
      ...ACCESS_PROBLEMS,
    },
  }),
  async handler(c) {
    const query = c.req.valid("query");
    const { filter, limit } = toListFilter(query);
    const after = query.cursor === undefined ? null : parseCursor(query.cursor);
    const { tenant } = c.var.caller;
    const page = await c.var.services.uploads.list(tenant, filter, { limit, after });
    return c.json(
      {
        items: page.uploads.map(toUploadJson),
        next_cursor: page.next === null ? null : formatCursor(page.next),
      },
      200,
    );
  },
});

export const getUpload = endpoint({
  access: "upload:read",
  route: createRoute({
    method: "get",
    path: "/upload/{id}",
    operationId: "getUpload",
    summary: "Tell of one upload",
    request: { params: UploadIdParams },
    responses: {
      200: json("The upload", UploadSchema),
      ...problems("upload_not_found"),
      ...ACCESS_PROBLEMS,
    },
  }),
  async handler(c) {
    const upload = await c.var.services.uploads.get(c.var.caller.tenant, c.req.valid("param").id);
    return c.json(toUploadJson(upload), 200);
  },
});

export const deleteUpload = endpoint({
  access: "upload:delete",
  route: createRoute({
    method: "delete",
    path: "/upload/{id}",
    operationId: "deleteUpload",
    summary: "Delete an upload: bytes, derived data and record",
    request: { params: UploadIdParams },
    responses: {
      204: { description: "Deleted; from now on it is missing" },
      ...problems("upload_not_found", "upload_in_progress", "storage_unavailable"),
      ...ACCESS_PROBLEMS,
    },
  }),
  async handler(c) {
    await c.var.services.uploads.delete(c.var.caller.tenant, c.req.valid("param").id);
    return c.body(null, 204);
  },
});

async function putFile(
  c: WriteContext,
  filename: string,
  autoProcess: "true" | "false" | undefined,
): Promise<Upload> {
  const { headers, signal } = c.req.raw;
  refuseContentEncoding(headers);
  const sizeBytes = findContentLength(headers);
  const stream: ByteStream = bodyOf(c);
  const { tenant, subject } = c.var.caller;
  return await c.var.services.uploads.upload({
    tenant,
    createdBy: subject,
    originalFilename: filename,
    declaredType: headers.get("Content-Type") ?? undefined,
    body: { kind: "once", stream, ...(sizeBytes === undefined ? {} : { sizeBytes }) },
    details: async () => ({ autoProcess: toFlag(autoProcess), metadata: {} }),
    signal,
  });
}

function created(c: WriteContext, upload: Upload) {
  const base = c.var.options.publicUrl ?? "";
  c.header("Location", `${base}/api/v1/upload/${upload.id}`);
  return c.json(toUploadJson(upload), 201);
}
