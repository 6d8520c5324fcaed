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
    summary: "Follow an upload until it is settled",
    description:
      'Server-sent events. The stream starts with all events after `Last-Event-ID`, or with the first event if you send none. It ends when the upload is `stored`, `processed`, `failed`, `quarantined` or `deleted`. `event` is the new status and `id` is where to resume. `data` is JSON: `{"upload_id", "status", "attempts", "error", "at"}`, with attempts and error as they were at the time. Together the messages are the history of all attempts: a `processing` right after another one means that the attempt before it crashed. The stream may end earlier (after an hour, or when the server stops). Then reconnect with the last `id`, as `EventSource` does automatically.',
    request: { params: UploadIdParams, query: EventsQuery, headers: EventsHeaders },
    responses: {
      200: {
        description: "Messages, sent as they happen",
        headers: responseHeaders("Accept-Ranges", "X-Accel-Buffering"),
        content: MESSAGES,
      },
      204: { description: "The upload is settled and has no newer events: do not reconnect" },
    },
  }),
  problems: ["upload_not_found", "too_many_streams", "server_busy", "invalid_parameter"],
  async handler(c) {
    // The header is newer: when EventSource reconnects, it adds the header to its original URL.
    const after = c.req.valid("header")["last-event-id"] ?? c.req.valid("query").last_event_id ?? 0;
    const { id } = c.req.valid("param");
    const stream = await c.var.services.events.follow(c.var.caller.tenant, id, after);
    if (stream === null) return c.body(null, 204);
    return new Response(streamEvents(stream), {
      headers: {
        // No ranges. Runtimes also recognize streams by this.
        "Accept-Ranges": "none",
        "Cache-Control": "no-store, no-transform",
        "Content-Type": "text/event-stream",
        // Otherwise nginx holds messages back until they fill a buffer.
        "X-Accel-Buffering": "no",
      },
    });
  },
});
