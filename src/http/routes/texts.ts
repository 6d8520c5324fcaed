import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { FoundText } from "../../application/processing/text-service.ts";
import { formatContentRange } from "../../domain/byte-range.ts";
import { isStowageError } from "../../domain/errors.ts";
import { type EnvOf, endpoint } from "../endpoint.ts";
import { selectRepresentation } from "../headers/conditional.ts";
import { formatContentDisposition } from "../headers/content-disposition.ts";
import { requestHeaders, responseHeaders } from "../openapi/headers.ts";
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
    summary: "Read the text that was found in a file",
    description:
      "UTF-8, streamed. HEAD answers with the same headers. Knows `Range`, `If-Match`, `If-None-Match` and `If-Range`; every run makes a new `ETag`. While an upload is processed again, the text of the run before is served; before there was any, `text_not_ready` asks for patience, and `text_not_found` says that none will come by itself.",
    parameters: requestHeaders("Range", "If-Match", "If-None-Match", "If-Range"),
    request: { params: UploadIdParams, query: TextQuery },
    responses: {
      200: { description: "The whole text", headers: TEXT_HEADERS, content: TEXT },
      206: {
        description: "The range of its bytes asked for",
        headers: { ...TEXT_HEADERS, ...responseHeaders("Content-Range") },
        content: TEXT,
      },
      304: {
        description: "The client has it already",
        headers: responseHeaders("ETag", "Accept-Ranges"),
      },
    },
  }),
  problems: [
    ...(["upload_not_found", "upload_in_progress", "upload_conflict"] as const),
    ...(["text_not_found", "text_not_ready", "invalid_parameter"] as const),
    ...(["precondition_failed", "range_not_satisfiable", "object_changed"] as const),
    ...(["object_not_found", "storage_unavailable", "storage_timeout"] as const),
  ],
  async handler(c) {
    const { id } = c.req.valid("param");
    const { processor = null } = c.req.valid("query");
    try {
      return await serveText(c, id, processor);
    } catch (error) {
      if (!isStowageError(error, "object_changed")) throw error;
      // Gone between the look at the record and the first byte: there is another text by now, or none.
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
  const text = await texts.open(c.var.caller.tenant, id, processor);
  const { etag, sizeBytes } = text;
  const selection = selectRepresentation(c.req.method, c.req.raw.headers, {
    ...{ etag, sizeBytes, modifiedAt: null },
  });
  const headers = headersOf(text);
  if (selection.kind === "not_modified") return new Response(null, { status: 304, headers });
  const range = selection.kind === "part" ? selection.range : null;
  headers["Content-Type"] = "text/plain; charset=utf-8";
  headers["Content-Disposition"] = formatContentDisposition(
    "inline",
    `${text.upload.filename}.txt`,
  );
  headers["Content-Length"] = String(range === null ? sizeBytes : range.end - range.start);
  if (range !== null) headers["Content-Range"] = formatContentRange(range, sizeBytes);
  if (c.req.method === "HEAD") return new Response(null, { headers });
  const stream = await texts.read(text, range, c.req.raw.signal);
  return new Response(stream, { status: range === null ? 200 : 206, headers });
}

/** What a 304 tells as well (RFC 9110, 15.4.5). */
function headersOf({ etag }: FoundText): Record<string, string> {
  return {
    "Accept-Ranges": "bytes",
    // For this caller alone, and only after asking whether it still may.
    "Cache-Control": "private, no-cache",
    ETag: etag,
  };
}
