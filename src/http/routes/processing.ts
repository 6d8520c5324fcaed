import { createRoute } from "@hono/zod-openapi";
import { readOptionalJson } from "../body/request-body.ts";
import { endpoint } from "../endpoint.ts";
import { ifMatchCheck } from "../headers/conditional.ts";
import { IF_MATCH_OBJECT, responseHeaders } from "../openapi/headers.ts";
import { json, jsonBody } from "../responses/responses.ts";
import { streamResult } from "../responses/result-json.ts";
import {
  ReprocessBody,
  ResultSchema,
  toUploadJson,
  UploadIdParams,
  UploadSchema,
} from "../schemas.ts";

/** Enough for a list of processor names. */
const MAX_BODY_BYTES = 16 * 1024;

export const reprocess = endpoint({
  access: "upload:write",
  route: createRoute({
    method: "post",
    path: "/upload/{id}/reprocess",
    operationId: "reprocess",
    tags: ["Processing"],
    summary: "Process an upload again",
    description:
      "If the upload is already queued or processing, the response is the same and nothing runs twice. Send `If-Match` to make sure that the upload has not changed since you read it.",
    parameters: [IF_MATCH_OBJECT],
    request: { params: UploadIdParams, body: jsonBody(ReprocessBody) },
    responses: {
      202: json("The upload, usually `queued`", UploadSchema),
    },
  }),
  problems: [
    "invalid_request",
    "body_too_large",
    "unsupported_media_type",
    "upload_not_found",
    "upload_in_progress",
    "upload_conflict",
    "unknown_processor",
    "invalid_parameter",
    "precondition_failed",
  ],
  async handler(c) {
    const body = await readOptionalJson(c, ReprocessBody, MAX_BODY_BYTES);
    const { id } = c.req.valid("param");
    const names = body?.processors ?? null;
    const { processing } = c.var.services;
    const expect = ifMatchCheck(c.req.raw.headers);
    const upload = await processing.reprocess(c.var.caller.tenant, id, names, expect);
    return c.json(toUploadJson(upload), 202);
  },
});

export const getResult = endpoint({
  access: "upload:read",
  route: createRoute({
    method: "get",
    path: "/upload/{id}/result",
    operationId: "getResult",
    tags: ["Processing"],
    summary: "Get the results of processing",
    request: { params: UploadIdParams },
    responses: {
      200: {
        ...json("The latest result of each processor", ResultSchema),
        headers: responseHeaders("Accept-Ranges"),
      },
    },
  }),
  problems: ["upload_not_found", "storage_unavailable", "storage_timeout"],
  async handler(c) {
    const { id } = c.req.valid("param");
    const { upload, results } = await c.var.services.processing.result(c.var.caller.tenant, id);
    const stream = await streamResult(upload, results);
    // No ranges. Runtimes also recognize streams by this.
    const headers = { "Content-Type": "application/json", "Accept-Ranges": "none" };
    return c.body(stream, 200, headers) as never;
  },
});
