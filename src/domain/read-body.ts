import { type Body, bodySize, openBody } from "./bytes.ts";
import { abortedError, throwIfAborted } from "./cancellation.ts";
import { isStowageError, StowageError } from "./errors.ts";

/**
 * Read `body` from its beginning. Every driver's `put` must read this way:
 *
 * - checks the announced length: fewer or more bytes are `body_incomplete`;
 * - stops with `request_aborted` as soon as `signal` is aborted, even while it waits for the source;
 * - passes on errors of the source unchanged, and drops empty chunks;
 * - closes the source if the reader stops early, without waiting for it.
 */
export async function* readBody(
  body: Body,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  throwIfAborted(signal);
  const expectedBytes = bodySize(body);
  const iterator = openBody(body)[Symbol.asyncIterator]();
  // One listener for all chunks: a listener per chunk would accumulate on a long-lived signal.
  let giveUp: ((error: StowageError) => void) | undefined;
  const onAbort = (): void => giveUp?.(abortedError(signal));
  signal?.addEventListener("abort", onAbort);
  const next = (): Promise<IteratorResult<Uint8Array>> =>
    new Promise((resolve, reject) => {
      giveUp = reject;
      iterator.next().then(resolve, reject);
    });
  let receivedBytes = 0;
  let ended = false;
  try {
    for (;;) {
      throwIfAborted(signal);
      const result = await next();
      if (result.done === true) break;
      receivedBytes += result.value.byteLength;
      if (expectedBytes !== undefined && receivedBytes > expectedBytes) break;
      if (result.value.byteLength > 0) yield result.value;
    }
    if (expectedBytes !== undefined && receivedBytes !== expectedBytes) {
      throw bodyIncomplete(expectedBytes, receivedBytes);
    }
    ended = true;
  } finally {
    signal?.removeEventListener("abort", onAbort);
    if (!ended) closeSource(iterator);
  }
}

/** Stop reading a source. Does not wait, because a source that hangs may never respond. */
export function closeSource(iterator: AsyncIterator<Uint8Array>): void {
  iterator.return?.().then(undefined, () => {});
}

/** An error of the source of a body: `body_incomplete` unless it is a StowageError already. */
export function toBodyError(error: unknown): StowageError {
  if (isStowageError(error)) return error;
  return new StowageError("body_incomplete", "Cannot read body: it ended early", { cause: error });
}

/** The error for a body whose length differs from the announced one. */
export function bodyIncomplete(expectedBytes: number, receivedBytes: number): StowageError {
  const arrived = receivedBytes > expectedBytes ? "more" : `${receivedBytes}`;
  return new StowageError(
    "body_incomplete",
    `Cannot accept upload: ${expectedBytes} bytes were announced, ${arrived} arrived`,
    { data: { expectedBytes, receivedBytes } },
  );
}
