import type { ServerResponse } from "node:http";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { isAbort, isStowageError } from "../../domain/errors.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import { INITIAL_ALLOWANCE_MS, MinimumTransferRate } from "./minimum-transfer-rate.ts";

/**
 * Bytes per write. Progress shows only once a whole write has gone, so a large write would hide for minutes that
 * the reader has stalled.
 */
const PIECE_BYTES = 64 * 1024;

/**
 * Send the stream of `response` through `outgoing`, piece by piece with back-pressure.
 *
 * Hono's adapter prints errors to the console and reads ahead. Here a stream that fails midway closes the
 * connection, so that the client sees a broken transfer instead of a short file, and the log has the error. A
 * client that disconnects, or reads slower than the minimum, cancels the stream.
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
  const rate = new MinimumTransferRate(minBytesPerSecond, "the response is read", PIECE_BYTES);
  const onClose = (): void => {
    reader.cancel().catch(() => {});
  };
  let ended = false;
  outgoing.once("close", onClose);
  try {
    // A client that disconnected before now emits no further "close".
    if (outgoing.destroyed) return RESPONSE_ALREADY_SENT;
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    for (;;) {
      const { done, value } = await reader.read();
      ended = done;
      if (done || outgoing.destroyed) break;
      await writePieces(value, outgoing, rate);
    }
    outgoing.end();
  } catch (error) {
    outgoing.destroy();
    const requestId = response.headers.get("x-request-id");
    if (isStowageError(error, "request_timeout")) logger.info("response.too_slow", { requestId });
    // A client that disconnected is not an error of the server.
    else if (!isAbort(error)) {
      const errorCode = isStowageError(error) ? error.code : "internal";
      logger.error("response.broken_off", { requestId, errorCode, error });
    }
  } finally {
    rate.stop();
    outgoing.off("close", onClose);
    if (!ended) reader.cancel().catch(() => {});
  }
  return RESPONSE_ALREADY_SENT;
}

async function writePieces(
  chunk: Uint8Array,
  outgoing: ServerResponse,
  rate: MinimumTransferRate,
): Promise<void> {
  for (let at = 0; at < chunk.byteLength; at += PIECE_BYTES) {
    const piece = chunk.subarray(at, at + PIECE_BYTES);
    const isLast = at + PIECE_BYTES >= chunk.byteLength;
    rate.count(piece.byteLength);
    const hasRoom = outgoing.write(piece, isLast ? (error) => free(chunk, error) : undefined);
    if (!hasRoom) await rate.waitFor(drained(outgoing));
    if (outgoing.destroyed) return;
  }
}

/**
 * Free the memory of a chunk that has been sent. Left to the garbage collector, chunks pile up to some 90 MiB
 * before it runs. A chunk belongs to its reader (see `ObjectRead`), its buffer only if it fills it.
 */
function free({ buffer, byteLength }: Uint8Array, error: Error | null | undefined): void {
  if (error != null || buffer.byteLength !== byteLength || !(buffer instanceof ArrayBuffer)) return;
  try {
    buffer.transfer(0);
  } catch {
    // Memory that cannot be transferred, such as that of WebAssembly: it is the collector's.
  }
}

/**
 * Resolves when more may be written, or when the connection has closed.
 *
 * It runs for every piece: `events.once` with a signal to end it costs a tenth of a large download.
 */
async function drained(outgoing: ServerResponse): Promise<void> {
  if (outgoing.destroyed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  outgoing.once("drain", resolve).once("close", resolve);
  await promise;
  outgoing.off("drain", resolve).off("close", resolve);
}

/**
 * Limit the time for the rest of a response to what it takes at the minimum rate: a response that was written at
 * once stays in memory until its reader has taken it. Streams that are still being written, such as events, are
 * not affected.
 *
 * @param minBytesPerSecond 0 for no minimum.
 */
export function limitEnd(outgoing: ServerResponse, minBytesPerSecond: number): void {
  if (minBytesPerSecond === 0) return;
  outgoing.once("prefinish", () => {
    const leftBytes = outgoing.writableLength;
    if (leftBytes === 0) return;
    const timeMs = INITIAL_ALLOWANCE_MS + (leftBytes / minBytesPerSecond) * 1000;
    const cut = setTimeout(() => outgoing.destroy(), timeMs).unref();
    outgoing.once("close", () => clearTimeout(cut));
  });
}
