import { throwIfAborted } from "./cancellation.ts";

const CHUNK_BYTES = 256 * 1024;

/**
 * Bytes in memory as a stream. Each chunk is a copy, so that a reader may transfer or overwrite it. An aborted signal
 * fails the stream with `request_aborted`.
 */
export function streamBytes(bytes: Uint8Array, signal?: AbortSignal): ReadableStream<Uint8Array> {
  let position = 0;
  return new ReadableStream({
    pull(controller) {
      throwIfAborted(signal);
      const chunk = bytes.slice(position, position + CHUNK_BYTES);
      position += chunk.byteLength;
      if (chunk.byteLength > 0) controller.enqueue(chunk);
      if (position >= bytes.byteLength) controller.close();
    },
  });
}
