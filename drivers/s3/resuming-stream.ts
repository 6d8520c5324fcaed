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
  /** Why the current response broke off; `null` if it ended. */
  let failure: unknown = null;

  /** The next bytes; `null` at the end of the range; `undefined` if the response ends or fails before that. */
  async function read(): Promise<Uint8Array | null | undefined> {
    failure = null;
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        if (value.byteLength > 0) return value;
      }
    } catch (error) {
      // If all bytes have arrived, a connection that breaks does not matter.
      failure = error;
    }
    return position === range.end ? null : undefined;
  }

  async function next(): Promise<Uint8Array | null> {
    for (;;) {
      throwIfAborted(signal);
      const chunk = await read();
      if (chunk !== undefined) return chunk;
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
