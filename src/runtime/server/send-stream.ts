import type { ServerResponse } from "node:http";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { isAbort, isStowageError } from "../../domain/errors.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import { GRACE_MS, Pace } from "./minimum-transfer-rate.ts";

/**
 * What is written at once: how much a reader has taken shows only when all of a write has gone, so a large one
 * would hide for minutes that it stands still.
 */
const PIECE_BYTES = 64 * 1024;

/**
 * Send the stream of `response` through `outgoing`, piece by piece with back-pressure.
 *
 * The adapter's own way prints errors to the console and reads ahead. Here a stream that fails in the
 * middle ends the connection, so that the client sees a broken transfer and never a short file, and is told
 * in the log; a client that goes away, or reads more slowly than the minimum, cancels the stream.
 *
 * @param minBytesPerSecond 0 for no minimum.
 * @returns What to give to the adapter.
 */
export async function sendStream(
  response: Response,
  outgoing: ServerResponse,
  logger: Logger,
  minBytesPerSecond: number,
): Promise<Response> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const pace = new Pace(minBytesPerSecond, "the answer is read", PIECE_BYTES);
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
      await writePieces(value, outgoing, pace);
    }
    outgoing.end();
  } catch (error) {
    outgoing.destroy();
    const requestId = response.headers.get("x-request-id");
    if (isStowageError(error, "request_timeout")) logger.info("response.too_slow", { requestId });
    // Whoever went away is told nothing, and is no error of ours.
    else if (!isAbort(error)) {
      const errorCode = isStowageError(error) ? error.code : "internal";
      logger.error("response.broken_off", { requestId, errorCode, error });
    }
  } finally {
    pace.stop();
    outgoing.off("close", onClose);
    if (!ended) reader.cancel().catch(() => {});
  }
  return RESPONSE_ALREADY_SENT;
}

async function writePieces(chunk: Uint8Array, outgoing: ServerResponse, pace: Pace): Promise<void> {
  for (let at = 0; at < chunk.byteLength; at += PIECE_BYTES) {
    const piece = chunk.subarray(at, at + PIECE_BYTES);
    pace.count(piece.byteLength);
    if (!outgoing.write(piece)) await pace.waitFor(drained(outgoing));
    if (outgoing.destroyed) return;
  }
}

/**
 * Resolves when more may be written, or when nobody is left to write to.
 *
 * It is waited for at every piece: `events.once` with a signal to end it costs a tenth of a large download.
 */
async function drained(outgoing: ServerResponse): Promise<void> {
  if (outgoing.destroyed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  outgoing.once("drain", resolve).once("close", resolve);
  await promise;
  outgoing.off("drain", resolve).off("close", resolve);
}

/**
 * Give the end of any answer no longer than it takes at the minimum rate: one that was written at once is held
 * in memory until its reader has taken it. A stream that goes on, such as events, is left alone.
 *
 * @param minBytesPerSecond 0 for no minimum.
 */
export function limitEnd(outgoing: ServerResponse, minBytesPerSecond: number): void {
  if (minBytesPerSecond === 0) return;
  outgoing.once("prefinish", () => {
    const leftBytes = outgoing.writableLength;
    if (leftBytes === 0) return;
    const timeMs = GRACE_MS + (leftBytes / minBytesPerSecond) * 1000;
    const cut = setTimeout(() => outgoing.destroy(), timeMs).unref();
    outgoing.once("close", () => clearTimeout(cut));
  });
}
