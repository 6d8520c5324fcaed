import { type EventStream, statusOf } from "../../application/events/event-service.ts";
import type { RecordStatus, UploadEvent } from "../../domain/upload.ts";
import { toErrorJson, type UploadJson } from "../schemas.ts";

/** How long a client waits before it follows again when the connection has gone. */
const RETRY_MS = 3_000;

/** Proxies cut what is silent for a minute, and that a client has gone shows only when it is written to. */
const HEARTBEAT_MS = 15_000;

/**
 * Events as a body of type `text/event-stream`, one message each, and a comment after every `heartbeatMs` of
 * silence. Cancel it, or read it to its end.
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
          // It may fail while nobody waits for it, between two pulls.
          next.catch(() => {});
        }
        const news = await within(next, heartbeatMs);
        if (news === null) return controller.enqueue(encoder.encode(":\n\n"));
        next = null;
        if (news.done === true) return controller.close();
        controller.enqueue(encoder.encode(formatEvent(news.value)));
      },
      cancel() {
        stream.stop();
      },
    },
    { highWaterMark: 0 },
  );
}

/** What a message says, as JSON. */
export interface EventMessage {
  readonly upload_id: string;
  readonly status: Exclude<RecordStatus, "deleting"> | "deleted";
  readonly attempts: number;
  readonly error: UploadJson["processing"]["error"];
  /** RFC 3339, UTC. */
  readonly at: string;
}

/** One message. JSON has no line breaks, so each field is one line. */
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

/** What `promise` resolves to, or `null` if that takes longer. */
async function within<Result>(promise: Promise<Result>, ms: number): Promise<Result | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
