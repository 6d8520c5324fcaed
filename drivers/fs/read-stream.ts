import { Buffer } from "node:buffer";
import type { FileHandle } from "node:fs/promises";
import { abortedError, type ByteRange, StowageError } from "../../src/driver.ts";
import { toStowageError } from "./errors.ts";

const CHUNK_BYTES = 256 * 1024;

/**
 * A stretch of an open file as a stream: one chunk is read ahead, no more. The file is closed as soon as the
 * last byte is read, also when nobody has taken it yet, and on error, abort and cancel.
 */
export function readStream(
  file: FileHandle,
  { start, end }: ByteRange,
  signal: AbortSignal | undefined,
): ReadableStream<Uint8Array> {
  let position = start;
  let reading: Promise<unknown> = Promise.resolve();
  let closed: Promise<void> | undefined;
  let onAbort: () => void;
  // Never under a read on its way: its descriptor's number might be somebody else's by then.
  const close = (): Promise<void> => {
    signal?.removeEventListener("abort", onAbort);
    closed ??= reading.then(
      () => file.close(),
      () => file.close(),
    );
    return closed;
  };
  return new ReadableStream(
    {
      start(controller) {
        onAbort = () => {
          controller.error(abortedError(signal));
          close().catch(() => {});
        };
        signal?.addEventListener("abort", onAbort);
      },
      async pull(controller) {
        try {
          const read = readFully(file, position, Math.min(CHUNK_BYTES, end - position));
          reading = read;
          const chunk = await read;
          position += chunk.byteLength;
          if (position >= end) await close();
          if (closed !== undefined && position < end) return;
          if (chunk.byteLength > 0) controller.enqueue(chunk);
          if (position >= end) controller.close();
        } catch (error) {
          await close().catch(() => {});
          throw toStowageError(error);
        }
      },
      cancel: close,
    },
    { highWaterMark: 1 },
  );
}

async function readFully(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  // Not from Node's shared pool: a reader may transfer the chunk's buffer.
  const buffer = Buffer.allocUnsafeSlow(length).buffer;
  const chunk = new Uint8Array(buffer);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(chunk, filled, length - filled, position + filled);
    if (bytesRead === 0) {
      throw new StowageError("object_corrupt", "Cannot read object: its file has become shorter");
    }
    filled += bytesRead;
  }
  return chunk;
}
