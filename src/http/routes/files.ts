import { createRoute } from "@hono/zod-openapi";
import { formatReprDigest } from "../../domain/digest.ts";
import { formatEtag } from "../../domain/etag.ts";
import { isSafeInline } from "../../domain/media-type.ts";
import type { Upload } from "../../domain/upload.ts";
import { endpoint } from "../endpoint.ts";
import { formatContentDisposition } from "../headers/content-disposition.ts";
import { formatHttpDate } from "../headers/http-date.ts";
import { requestHeaders, responseHeaders } from "../openapi/headers.ts";
import { respondWithContent } from "../responses/content-response.ts";
import { FileQuery, UploadIdParams } from "../schemas.ts";

const BYTES = { "*/*": { schema: { type: "string" as const, format: "binary" } } };
const CONDITIONS = [
  "If-Match",
  "If-None-Match",
  "If-Modified-Since",
  "If-Unmodified-Since",
] as const;
const FILE_HEADERS = responseHeaders(
  "ETag",
  "Last-Modified",
  "Accept-Ranges",
  "Content-Disposition",
  "Repr-Digest",
);

export const getFile = endpoint({
  access: "upload:read",
  route: createRoute({
    method: "get",
    path: "/upload/{id}/file",
    operationId: "getFile",
    tags: ["Files"],
    summary: "Download a file or a range of it",
    description:
      "HEAD returns the same headers. Supports `Range` (one range, suffixes included), `If-Match`, `If-None-Match`, `If-Modified-Since`, `If-Unmodified-Since` and `If-Range`. The `ETag` is the SHA-256. The download of a damaged file breaks off before its end. From then on ranges of it are refused until one download of the whole file succeeds.",
    parameters: requestHeaders("Range", ...CONDITIONS, "If-Range"),
    request: { params: UploadIdParams, query: FileQuery },
    responses: {
      200: { description: "The whole file", headers: FILE_HEADERS, content: BYTES },
      206: {
        description: "The requested range",
        headers: { ...FILE_HEADERS, ...responseHeaders("Content-Range") },
        content: BYTES,
      },
      304: {
        description: "Not modified",
        headers: responseHeaders("ETag", "Last-Modified", "Accept-Ranges"),
      },
    },
  }),
  problems: [
    "upload_not_found",
    "upload_in_progress",
    "upload_conflict",
    "precondition_failed",
    "range_not_satisfiable",
    "invalid_parameter",
    "object_not_found",
    "object_corrupt",
    "storage_unavailable",
    "storage_timeout",
  ],
  async handler(c) {
    const { downloads } = c.var.services;
    const upload = await downloads.open(c.var.caller.tenant, c.req.valid("param").id);
    const etag = formatEtag(upload.sha256 ?? "");
    const kind = c.req.valid("query").inline === "1" ? inlineOrNot(upload) : "attachment";
    const { raw: request } = c.req;
    return await respondWithContent(request, {
      representation: { etag, modifiedAt: upload.createdAt, sizeBytes: upload.sizeBytes ?? 0 },
      headers: headersOf(upload, etag, kind),
      contentHeaders: contentHeaders(upload, kind),
      read: (range) => downloads.read(upload, range, request.signal),
    });
  },
});

type Disposition = "inline" | "attachment";

function inlineOrNot({ contentType }: Upload): Disposition {
  return isSafeInline(contentType) ? "inline" : "attachment";
}

/**
 * Headers of a 304 too (RFC 9110, 15.4.5). None of them changes when the file moves to another storage.
 *
 * The policies are set on 304 as well: the service's default ones would replace those that a cache has stored
 * (RFC 9111, 3.2).
 */
function headersOf(upload: Upload, etag: string, kind: Disposition): Record<string, string> {
  // Browsers do not display PDFs in a sandbox, and their PDF viewers are sandboxes themselves.
  const viewer = kind === "inline" && upload.contentType === "application/pdf";
  const headers: Record<string, string> = {
    "Accept-Ranges": "bytes",
    // Only this caller may cache it, and must revalidate, because its access may be revoked.
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": viewer ? "frame-ancestors 'none'" : "sandbox; default-src 'none'",
    ETag: etag,
    "Last-Modified": formatHttpDate(upload.createdAt),
  };
  // With same-origin, Chromium shows only the first page of a PDF.
  if (viewer) headers["Cross-Origin-Resource-Policy"] = "cross-origin";
  return headers;
}

function contentHeaders(upload: Upload, kind: Disposition): Record<string, string> {
  return {
    "Content-Disposition": formatContentDisposition(kind, upload.filename),
    "Content-Type": upload.contentType,
    "Repr-Digest": formatReprDigest(upload.sha256 ?? ""),
  };
}
