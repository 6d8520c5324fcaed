import { createRoute } from "@hono/zod-openapi";
import { endpoint } from "../endpoint.ts";
import { responseHeaders } from "../openapi/headers.ts";
import { streamEvents } from "../responses/event-stream.ts";
import { EventsHeaders, EventsQuery, UploadIdParams } from "../schemas.ts";

const MESSAGES = { "text/event-stream": { schema: { type: "string" as const } } };

export const getEvents = endpoint({
  access: "upload:read",
  route: createRoute({
    method: "get",
    path: "/upload/{id}/events",
    operationId: "getEvents",
    tags: ["Processing"],
    summary: "Follow an upload until it is at rest",
    description:
      'Server-sent events. First all that has happened since `Last-Event-ID`, from the beginning without it; then what happens, until the upload is `stored`, `processed`, `failed`, `quarantined` or `deleted`: then the stream ends. `event` is the new status, `id` where to go on, and `data` JSON: `{"upload_id", "status", "attempts", "error", "at"}`, attempts and error as they were then; so the messages together are the history of all attempts, those that died included: a `processing` that follows another. The stream may end before (after an hour, or when the server stops): follow again with the last `id`, as `EventSource` does by itself.',
    request: { params: UploadIdParams, query: EventsQuery, headers: EventsHeaders },
    responses: {
      200: {
        description: "Messages, as they happen",
        headers: responseHeaders("Accept-Ranges", "X-Accel-Buffering"),
        content: MESSAGES,
      },
      204: { description: "At rest, and nothing has happened since: no need to follow again" },
    },
  }),
  problems: ["upload_not_found", "too_many_streams", "server_busy", "invalid_parameter"],
  async handler(c) {
    // The header is newer: EventSource adds it to the address that it was given at first.
    const after = c.req.valid("header")["last-event-id"] ?? c.req.valid("query").last_event_id ?? 0;
    const { id } = c.req.valid("param");
    const stream = await c.var.services.events.follow(c.var.caller.tenant, id, after);
    if (stream === null) return c.body(null, 204);
    return new Response(streamEvents(stream), {
      headers: {
        // No ranges of it: which also tells runtimes apart what is streamed.
        "Accept-Ranges": "none",
        "Cache-Control": "no-store, no-transform",
        "Content-Type": "text/event-stream",
        // nginx would hold messages back until they fill a buffer.
        "X-Accel-Buffering": "no",
      },
    });
  },
});
