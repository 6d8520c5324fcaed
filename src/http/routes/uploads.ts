import { createRoute } from "@hono/zod-openapi";
import { json } from "../answers.ts";
import { formatCursor, parseCursor } from "../cursor.ts";
import { endpoint } from "../endpoint.ts";
import {
  ListQuery,
  toListFilter,
  toUploadJson,
  UploadIdParams,
  UploadListSchema,
  UploadSchema,
} from "../schemas.ts";

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
      200: json("A page of the tenant's uploads", UploadListSchema),
    },
  }),
  problems: ["invalid_cursor", "invalid_parameter"],
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
    tags: ["Uploads"],
    summary: "Tell of one upload",
    request: { params: UploadIdParams },
    responses: {
      200: json("The upload", UploadSchema),
    },
  }),
  problems: ["upload_not_found"],
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
    tags: ["Uploads"],
    summary: "Delete an upload: bytes, derived data and record",
    request: { params: UploadIdParams },
    responses: {
      204: { description: "Deleted; from now on it is missing" },
    },
  }),
  problems: ["upload_not_found", "upload_in_progress", "storage_unavailable", "storage_timeout"],
  async handler(c) {
    await c.var.services.uploads.delete(c.var.caller.tenant, c.req.valid("param").id);
    return c.body(null, 204);
  },
});
