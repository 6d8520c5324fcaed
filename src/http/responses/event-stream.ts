import { type EventStream, statusOf } from "../../application/events/event-service.ts";
import { waitAtMost } from "../../domain/delay.ts";
import type { RecordStatus, UploadEvent } from "../../domain/upload.ts";
import { toErrorJson, type UploadJson } from "../schemas.ts";

/** How long a client waits before it reconnects. */
const RETRY_MS = 3_000;

/** Proxies close connections that are silent for a minute, and only writing reveals that a client has gone. */
const HEARTBEAT_MS = 15_000;

/**
 * Events as `text/event-stream`: a message per event, and a comment after every `heartbeatMs` of silence. Read the
 * stream to its end, or cancel it.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export function streamEvents(
  stream: EventStream,
  heartbeatMs = HEARTBEAT_MS,
): ReadableStream<Uint8Array> {
  const events = stream[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  let next: Promise<IteratorResult<UploadEvent>> | null = null;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        controller.enqueue(encoder.encode(`retry: ${RETRY_MS}\n\n`));
      },
      async pull(controller) {
        if (next === null) {
          next = events.next();
          // Prevents an unhandled rejection if it fails between two pulls.
          next.catch(() => {});
        }
        const result = await waitAtMost(next, heartbeatMs);
        if (result === null) return controller.enqueue(encoder.encode(":\n\n"));
        next = null;
        if (result.done === true) return controller.close();
        controller.enqueue(encoder.encode(formatEvent(result.value)));
      },
      cancel() {
        stream.stop();
      },
    },
    { highWaterMark: 0 },
  );
}

/** The data of a message. */
export interface EventMessage {
  readonly upload_id: string;
  readonly status: Exclude<RecordStatus, "deleting"> | "deleted";
  readonly attempts: number;
  readonly error: UploadJson["processing"]["error"];
  /** RFC 3339, UTC. */
  readonly at: string;
}

/** One message. JSON contains no line breaks, so each field is one line. */
function formatEvent(event: UploadEvent): string {
  const status = statusOf(event);
  const data: EventMessage = {
    upload_id: event.uploadId,
    status: status === "deleting" ? "deleted" : status,
    attempts: event.attempts,
    error: toErrorJson(event.error),
    at: new Date(event.at).toISOString(),
  };
  return `id: ${event.revision}\nevent: ${data.status}\ndata: ${JSON.stringify(data)}\n\n`;
}
