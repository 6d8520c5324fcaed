import { Buffer } from "node:buffer";
import type { FileHandle } from "node:fs/promises";
import { abortedError, type ByteRange, StowageError } from "../../src/driver.ts";
import { toStowageError } from "./errors.ts";

/** What a reader takes at once: one that stands still holds a single chunk, so chunks are small. */
const CHUNK_BYTES = 64 * 1024;
/** Read with one system call, each chunk into memory of its own: a call for each would cost a third of the speed. */
const CHUNKS_A_READ = 4;

/**
 * A range of an open file as a stream. It reads ahead once, four chunks at the most. The file is closed as soon as
 * the last byte is read, even if that byte has not been taken yet, and on error, abort and cancel.
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
  // Waits for a read in progress: otherwise the descriptor's number might be reused under it.
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
          const length = Math.min(CHUNKS_A_READ * CHUNK_BYTES, end - position);
          const read = readFully(file, position, length);
          reading = read;
          const chunks = await read;
          position += length;
          if (position >= end) await close();
          if (closed !== undefined && position < end) return;
          for (const chunk of chunks) controller.enqueue(chunk);
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

async function readFully(
  file: FileHandle,
  position: number,
  length: number,
): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < length; at += CHUNK_BYTES) {
    // Not from Node's shared pool: a reader may transfer the chunk's buffer.
    const { buffer } = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, length - at));
    chunks.push(new Uint8Array(buffer));
  }
  for (let filled = 0; filled < length; ) {
    const { bytesRead } = await file.readv(unfilled(chunks, filled), position + filled);
    if (bytesRead === 0) {
      throw new StowageError("object_corrupt", "Cannot read object: its file has become shorter");
    }
    filled += bytesRead;
  }
  return chunks;
}

/** What is left of `chunks` behind their first `filled` bytes. */
function unfilled(chunks: readonly Uint8Array[], filled: number): Uint8Array[] {
  const first = Math.floor(filled / CHUNK_BYTES);
  return chunks.slice(first).map((chunk, index) => {
    return index === 0 ? chunk.subarray(filled % CHUNK_BYTES) : chunk;
  });
}
