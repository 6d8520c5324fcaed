import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { isStowageError } from "../../domain/errors.ts";
import { type EnvOf, endpoint } from "../endpoint.ts";
import { formatContentDisposition } from "../headers/content-disposition.ts";
import { requestHeaders, responseHeaders } from "../openapi/headers.ts";
import { respondWithContent } from "../responses/content-response.ts";
import { TextQuery, UploadIdParams } from "../schemas.ts";

const TEXT = { "text/plain": { schema: { type: "string" as const } } };
const TEXT_HEADERS = responseHeaders("ETag", "Accept-Ranges", "Content-Disposition");

export const getText = endpoint({
  access: "upload:read",
  route: createRoute({
    method: "get",
    path: "/upload/{id}/text",
    operationId: "getText",
    tags: ["Processing"],
    summary: "Get the text of a file",
    description:
      "The extracted text as UTF-8, streamed. HEAD returns the same headers. Supports `Range`, `If-Match`, `If-None-Match` and `If-Range`. Every run of a processor makes a new `ETag`. While an upload is being reprocessed, you get the text of the previous run. If there is no text yet, `text_not_ready` means that you should wait, and `text_not_found` that none is on its way.",
    parameters: requestHeaders("Range", "If-Match", "If-None-Match", "If-Range"),
    request: { params: UploadIdParams, query: TextQuery },
    responses: {
      200: { description: "The whole text", headers: TEXT_HEADERS, content: TEXT },
      206: {
        description: "The requested range of bytes",
        headers: { ...TEXT_HEADERS, ...responseHeaders("Content-Range") },
        content: TEXT,
      },
      304: {
        description: "Not modified",
        headers: responseHeaders("ETag", "Accept-Ranges"),
      },
    },
  }),
  problems: [
    "upload_not_found",
    "upload_in_progress",
    "upload_conflict",
    "text_not_found",
    "text_not_ready",
    "invalid_parameter",
    "precondition_failed",
    "range_not_satisfiable",
    "object_changed",
    "object_not_found",
    "storage_unavailable",
    "storage_timeout",
  ],
  async handler(c) {
    const { id } = c.req.valid("param");
    const { processor = null } = c.req.valid("query");
    try {
      return await serveText(c, id, processor);
    } catch (error) {
      if (!isStowageError(error, "object_changed")) throw error;
      // Replaced after its record was read. Serve the text that is there now.
      return await serveText(c, id, processor);
    }
  },
});

async function serveText(
  c: Context<EnvOf<"upload:read">>,
  id: string,
  processor: string | null,
): Promise<Response> {
  const { texts } = c.var.services;
  const { raw: request } = c.req;
  const text = await texts.open(c.var.caller.tenant, id, processor);
  const { etag, sizeBytes } = text;
  return await respondWithContent(request, {
    representation: { etag, sizeBytes, modifiedAt: null },
    headers: {
      "Accept-Ranges": "bytes",
      // Only this caller may cache it, and must revalidate, because its access may be revoked.
      "Cache-Control": "private, no-cache",
      ETag: etag,
    },
    contentHeaders: {
      "Content-Type": "text/plain; charset=utf-8",
      "Content-Disposition": formatContentDisposition("inline", `${text.upload.filename}.txt`),
    },
    read: (range) => texts.read(text, range, request.signal),
  });
}
