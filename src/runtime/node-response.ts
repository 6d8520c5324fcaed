import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { isStowageError } from "../domain/errors.ts";
import type { Logger } from "../domain/ports/logger.ts";

/**
 * Send the stream of `response` through `outgoing`, chunk by chunk with back-pressure.
 *
 * The adapter's own way prints errors to the console and reads ahead. Here a stream that fails in the
 * middle ends the connection, so that the client sees a broken transfer and never a short file, and is told
 * in the log; a client that goes away cancels the stream.
 *
 * @returns What to give to the adapter.
 */
export async function sendStream(
  response: Response,
  outgoing: ServerResponse,
  logger: Logger,
): Promise<Response> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const onClose = (): void => {
    reader.cancel().catch(() => {});
  };
  let ended = false;
  outgoing.once("close", onClose);
  try {
    // A client that has gone already tells so no more.
    if (outgoing.destroyed) return RESPONSE_ALREADY_SENT;
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    for (;;) {
      const { done, value } = await reader.read();
      ended = done;
      if (done || outgoing.destroyed) break;
      if (!outgoing.write(value)) await drained(outgoing);
    }
    outgoing.end();
  } catch (error) {
    outgoing.destroy();
    logger.error("response.broken_off", {
      requestId: response.headers.get("x-request-id"),
      errorCode: isStowageError(error) ? error.code : "internal",
      error,
    });
  } finally {
    outgoing.off("close", onClose);
    if (!ended) reader.cancel().catch(() => {});
  }
  return RESPONSE_ALREADY_SENT;
}

/** Resolves when more may be written, or when nobody is left to write to. */
async function drained(outgoing: ServerResponse): Promise<void> {
  if (outgoing.destroyed) return;
  const stop = new AbortController();
  const { signal } = stop;
  try {
    await Promise.race([once(outgoing, "drain", { signal }), once(outgoing, "close", { signal })]);
  } finally {
    stop.abort();
  }
}
