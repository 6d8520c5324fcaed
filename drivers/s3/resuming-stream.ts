import { abortedError, type ByteRange, throwIfAborted } from "../../src/driver.ts";
import { unexpectedResponse } from "./wire/response-headers.ts";

export interface ResumingOptions {
  /** The bytes that the stream delivers. */
  readonly range: ByteRange;
  /**
   * Open another response, from `start` to the end of the range. Its errors end the stream, and so does a
   * response without a single byte: `resume` itself retries for as long as that is worthwhile.
   */
  readonly resume: (start: number) => Promise<ReadableStream<Uint8Array>>;
  readonly signal: AbortSignal | undefined;
}

/**
 * Exactly the bytes of a range, from as many responses as needed. Reads nothing ahead. If a response ends early or
 * fails, the next one continues where it ended. Bytes beyond the range are an error.
 */
export function resumingStream(
  body: ReadableStream<Uint8Array>,
  { range, resume, signal }: ResumingOptions,
): ReadableStream<Uint8Array> {
  let reader = body.getReader();
  let position = range.start;
  /** Where the current response begins. */
  let openedAt = position;

  /** The next bytes; `null` at the end of a response. */
  async function read(): Promise<Uint8Array | null> {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return null;
      if (value.byteLength > 0) return value;
    }
  }

  async function next(): Promise<Uint8Array | null> {
    for (;;) {
      throwIfAborted(signal);
      let failure: unknown = null;
      try {
        const chunk = await read();
        if (chunk !== null || position === range.end) return chunk;
      } catch (error) {
        // All bytes have arrived, so a connection that breaks now does not matter.
        if (position === range.end) return null;
        failure = error;
      }
      if (signal?.aborted === true) throw abortedError(signal);
      if (position === openedAt)
        throw failure ?? unexpectedResponse("it sends nothing of an object");
      openedAt = position;
      reader = (await resume(position)).getReader();
    }
  }

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const chunk = await next();
          if (chunk === null) return controller.close();
          position += chunk.byteLength;
          if (position > range.end)
            throw unexpectedResponse("it sends more bytes than it announced");
          controller.enqueue(chunk);
        } catch (error) {
          await reader.cancel(error).catch(() => {});
          throw error;
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
