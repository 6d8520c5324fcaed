import { abortedError, type ByteRange, throwIfAborted } from "../../src/driver.ts";
import { distrust } from "./facts.ts";

/** Answers that break off one after the other without a single byte. */
const MAX_BARREN = 3;

export interface ResumingOptions {
  /** What the stream delivers. */
  readonly stretch: ByteRange;
  /** Open another answer, from `start` to the end of the stretch. Its errors end the stream. */
  readonly resume: (start: number) => Promise<ReadableStream<Uint8Array>>;
  readonly signal: AbortSignal | undefined;
}

/**
 * Exactly the bytes of a stretch, from as many answers as it takes. Reads nothing ahead. An answer that ends
 * early or fails is taken up where it ended; bytes beyond the stretch are an error.
 */
export function resumingStream(
  body: ReadableStream<Uint8Array>,
  { stretch, resume, signal }: ResumingOptions,
): ReadableStream<Uint8Array> {
  let reader = body.getReader();
  let position = stretch.start;
  let barren = 0;

  /** The next bytes; `null` at the end of an answer. */
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
        if (chunk !== null || position === stretch.end) return chunk;
      } catch (error) {
        // All bytes are there: how the connection ends behind them is nobody's concern.
        if (position === stretch.end) return null;
        trouble = error;
      }
      if (signal?.aborted === true) throw abortedError(signal);
      barren += 1;
      if (barren > MAX_BARREN)
        throw trouble ?? distrust("it ends an object too early, again and again");
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
          barren = 0;
          if (position > stretch.end) throw distrust("it sends more bytes than it announced");
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
