import { abortedError, type ByteRange, throwIfAborted } from "../../src/driver.ts";
import { unexpectedResponse } from "./wire/response-headers.ts";

export interface ResumingOptions {
  /** What the stream delivers. */
  readonly range: ByteRange;
  /**
   * Open another response, from `start` to the end of the range. Its errors end the stream, and so does an response
   * without a single byte: how long to try for the next one is decided here.
   */
  readonly resume: (start: number) => Promise<ReadableStream<Uint8Array>>;
  readonly signal: AbortSignal | undefined;
}

/**
 * Exactly the bytes of a range, from as many answers as it takes. Reads nothing ahead. An response that ends
 * early or fails is taken up where it ended; bytes beyond the range are an error.
 */
export function resumingStream(
  body: ReadableStream<Uint8Array>,
  { range, resume, signal }: ResumingOptions,
): ReadableStream<Uint8Array> {
  let reader = body.getReader();
  let position = range.start;
  /** Where the present response begins. */
  let openedAt = position;

  /** The next bytes; `null` at the end of an response. */
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
      let trouble: unknown = null;
      try {
        const chunk = await read();
        if (chunk !== null || position === range.end) return chunk;
      } catch (error) {
        // All bytes are there: how the connection ends behind them is nobody's concern.
        if (position === range.end) return null;
        trouble = error;
      }
      if (signal?.aborted === true) throw abortedError(signal);
      if (position === openedAt)
        throw trouble ?? unexpectedResponse("it sends nothing of an object");
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
