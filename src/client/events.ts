import type { EventMessage } from "../http/responses/event-stream.ts";
import { StowageApiError } from "./stowage-api-error.ts";
import { type ClientCall, delay, type Transport } from "./transport.ts";

/** A change of an upload's status. */
export interface UploadEvent extends EventMessage {
  /** Where to resume: `client.events(id, { after })`. */
  readonly id: string;
}

/** Delay before reconnecting, unless the service sends another. */
const DEFAULT_RETRY_MS = 3_000;

/** Give up after this many connections in a row without a message. */
const MAX_SILENT_STREAMS = 5;

/**
 * Follow an upload until it is settled, reconnecting as often as needed.
 *
 * @param after The id of the last known event; without it, start with the first.
 */
export async function* followEvents(
  transport: Transport,
  path: string,
  after: string | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<UploadEvent, void, undefined> {
  const state: FollowState = {
    lastId: after,
    retryMs: DEFAULT_RETRY_MS,
    silentStreams: 0,
    status: null,
  };
  while (state.silentStreams < MAX_SILENT_STREAMS) {
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    if (state.lastId !== undefined) headers["Last-Event-ID"] = state.lastId;
    const call: ClientCall = { method: "GET", path, headers, signal, repeatable: true };
    const body = await transport.call(call, ({ status, body }) => (status === 204 ? null : body));
    // Settled, without newer events.
    if (body === null) return;
    yield* eventsOf(body, state, signal);
    const { status, retryMs } = state;
    if (status === "deleted") return;
    // After a final status, confirm the end at once. After a broken stream, wait.
    if (status === null || !isSettled(status)) await delay(retryMs / 1000, signal);
  }
  throw new StowageApiError(
    "connection_failed",
    "Cannot follow upload: the connection keeps breaking",
  );
}

/** What is known after one stream, and needed for the next. */
interface FollowState {
  /** The last event received. */
  lastId: string | undefined;
  retryMs: number;
  /** Streams in a row without a message. */
  silentStreams: number;
  /** The last status on the current stream; `null` before the first. */
  status: string | null;
}

/** The events of one stream. Updates `state` on the way. */
async function* eventsOf(
  body: ReadableStream<Uint8Array>,
  state: FollowState,
  signal: AbortSignal | undefined,
): AsyncGenerator<UploadEvent, void, undefined> {
  state.silentStreams += 1;
  state.status = null;
  for await (const message of messagesOf(body, signal)) {
    // Every stream begins with `retry`. Anything else, even a comment, shows that it works.
    if (message.retryMs !== null) state.retryMs = message.retryMs;
    else state.silentStreams = 0;
    if (message.data === "") continue;
    const event = JSON.parse(message.data) as EventMessage;
    state.lastId = message.id;
    state.status = event.status;
    yield { ...event, id: message.id };
  }
}

/** Whether a stream that ends with this status has probably ended for good. */
function isSettled(status: string): boolean {
  return !["uploading", "queued", "processing"].includes(status);
}

interface Message {
  readonly id: string;
  readonly data: string;
  readonly retryMs: number | null;
}

/**
 * The messages of one stream. They end when it breaks.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
async function* messagesOf(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Message, void, undefined> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
      signal?.throwIfAborted();
      if (done) return;
      text += decoder.decode(value, { stream: true });
      const blocks = text.split(/\r\n\r\n|\n\n|\r\r/);
      text = blocks.pop() ?? "";
      for (const block of blocks) yield parseMessage(block);
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function parseMessage(block: string): Message {
  const fields = block.split(/\r\n|\n|\r/).map((line) => /^([^:]*):? ?(.*)$/.exec(line) ?? []);
  const all = (name: string) =>
    fields.filter((field) => field[1] === name).map((field) => field[2] ?? "");
  const retry = all("retry").at(-1) ?? "";
  return {
    id: all("id").at(-1) ?? "",
    data: all("data").join("\n"),
    retryMs: /^\d+$/.test(retry) ? Number(retry) : null,
  };
}
