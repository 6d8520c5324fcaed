import { throwIfAborted } from "./cancellation.ts";

const CHUNK_BYTES = 256 * 1024;

/**
 * Bytes at hand as a stream. It hands out copies, chunk by chunk as they are asked for: what a reader does to
 * them (transfer, overwrite) does not reach `bytes`. An aborted signal fails it with `request_aborted`.
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
