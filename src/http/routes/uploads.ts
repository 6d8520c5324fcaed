import { createRoute } from "@hono/zod-openapi";
import { StowageError } from "../../domain/errors.ts";
import { formatRevisionTag, ifNoneMatchNames } from "../../domain/etag.ts";
import { patchMetadata } from "../../domain/metadata.ts";
import { readOptionalJson } from "../body/request-body.ts";
import { requireFuture } from "../body/upload-details.ts";
import { formatCursor, parseCursor } from "../cursor.ts";
import { endpoint, linkTo } from "../endpoint.ts";
import { ifMatchCheck } from "../headers/conditional.ts";
import { IF_MATCH_OBJECT, requestHeaders, responseHeaders } from "../openapi/headers.ts";
import { json, jsonBody } from "../responses/responses.ts";
import {
  ListQuery,
  PatchBody,
  toListFilter,
  toUploadJson,
  UploadIdParams,
  UploadListSchema,
  UploadSchema,
} from "../schemas.ts";

/** Metadata has at most 2 KiB; escapes in JSON make it longer. */
const MAX_PATCH_BYTES = 16 * 1024;

export const listUploads = endpoint({
  access: "upload:read",
  route: createRoute({
    method: "get",
    path: "/upload",
    operationId: "listUploads",
    tags: ["Uploads"],
    summary: "List uploads, newest first",
    request: { query: ListQuery },
    responses: {
      200: {
        ...json("A page of the tenant's uploads", UploadListSchema),
        headers: responseHeaders("Link"),
      },
    },
  }),
  problems: ["invalid_cursor", "invalid_parameter"],
  async handler(c) {
    const query = c.req.valid("query");
    const { filter, limit } = toListFilter(query);
    const { tenant } = c.var.caller;
    const { uploads, signer } = c.var.services;
    const scope = { tenant, filter };
    const after =
      query.cursor === undefined ? null : await parseCursor(query.cursor, scope, signer);
    const page = await uploads.list(tenant, filter, { limit, after });
    const next = page.next === null ? null : await formatCursor(page.next, scope, signer);
    if (next !== null) {
      const search = new URL(c.req.url).searchParams;
      search.set("cursor", next);
      c.header("Link", `<${linkTo(c.var.options, `/upload?${search}`)}>; rel="next"`);
    }
    return c.json({ items: page.uploads.map(toUploadJson), next_cursor: next }, 200);
  },
});

export const getUpload = endpoint({
  access: "upload:read",
  route: createRoute({
    method: "get",
    path: "/upload/{id}",
    operationId: "getUpload",
    tags: ["Uploads"],
    summary: "Get one upload",
    description:
      "`ETag` is the revision of the upload. Send it in `If-Match` when you change the upload.",
    parameters: requestHeaders("If-None-Match"),
    request: { params: UploadIdParams },
    responses: {
      200: { ...json("The upload", UploadSchema), headers: responseHeaders("ETag") },
      304: { description: "Not modified", headers: responseHeaders("ETag") },
    },
  }),
  problems: ["upload_not_found"],
  async handler(c) {
    const upload = await c.var.services.uploads.get(c.var.caller.tenant, c.req.valid("param").id);
    const etag = formatRevisionTag(upload.revision);
    c.header("ETag", etag);
    const known = c.req.header("If-None-Match");
    if (known !== undefined && ifNoneMatchNames(known, etag)) return c.body(null, 304);
    return c.json(toUploadJson(upload), 200);
  },
});

const PATCH = "application/merge-patch+json";
const EXPIRY = { pointer: "/expires_at" };

export const patchUpload = endpoint({
  access: "upload:write",
  route: createRoute({
    method: "patch",
    path: "/upload/{id}",
    operationId: "patchUpload",
    tags: ["Uploads"],
    summary: "Change the metadata or expiry of an upload",
    description:
      "A merge patch (RFC 7396). Send `If-Match` to make sure that the upload has not changed since you read it. Without it, concurrent changes of different members are not lost either: members are merged one by one.",
    parameters: [IF_MATCH_OBJECT],
    request: { params: UploadIdParams, body: jsonBody(PatchBody, PATCH) },
    responses: {
      200: { ...json("The changed upload", UploadSchema), headers: responseHeaders("ETag") },
    },
  }),
  problems: [
    "invalid_request",
    "body_too_large",
    "body_incomplete",
    "request_timeout",
    "unsupported_media_type",
    "invalid_parameter",
    "invalid_metadata",
    "upload_not_found",
    "upload_in_progress",
    "upload_conflict",
    "precondition_failed",
  ],
  async handler(c) {
    const types = ["application/json", PATCH];
    const body = await readOptionalJson(c, PatchBody, MAX_PATCH_BYTES, types);
    if (body === null) throw new StowageError("invalid_request", "Cannot read body: it is empty");
    const { metadata, expires_at: expiry } = body;
    const expect = ifMatchCheck(c.req.raw.headers);
    const { id } = c.req.valid("param");
    const { clock } = c.var.options;
    const upload = await c.var.services.editor.change(c.var.caller.tenant, id, (current) => {
      expect?.(current);
      return {
        metadata: metadata === undefined ? undefined : patchMetadata(current.metadata, metadata),
        expiresAt:
          typeof expiry === "string"
            ? requireFuture(Date.parse(expiry), clock.now(), EXPIRY)
            : expiry,
      };
    });
    c.header("ETag", formatRevisionTag(upload.revision));
    return c.json(toUploadJson(upload), 200);
  },
});

export const deleteUpload = endpoint({
  access: "upload:delete",
  route: createRoute({
    method: "delete",
    path: "/upload/{id}",
    operationId: "deleteUpload",
    tags: ["Uploads"],
    summary: "Delete an upload with its file and results",
    description: "Send `If-Match` to make sure that the upload has not changed since you read it.",
    parameters: [IF_MATCH_OBJECT],
    request: { params: UploadIdParams },
    responses: {
      204: { description: "Deleted. From now on the upload is `upload_not_found`" },
    },
  }),
  problems: [
    "upload_not_found",
    "upload_in_progress",
    "upload_conflict",
    "precondition_failed",
    "storage_unavailable",
    "storage_timeout",
  ],
  async handler(c) {
    const { id } = c.req.valid("param");
    const expect = ifMatchCheck(c.req.raw.headers);
    await c.var.services.uploads.delete(c.var.caller.tenant, id, expect);
    return c.body(null, 204);
  },
});
