import { type Body, bodySize, openBody } from "./bytes.ts";
import { abortedError, throwIfAborted } from "./cancellation.ts";
import { StowageError } from "./errors.ts";

/**
 * Read `body` from its beginning, as every driver's `put` has to:
 *
 * - a length that was stated is checked: too few or too many bytes are `body_incomplete`;
 * - an aborted `signal` ends it at once with `request_aborted`, also while the source keeps us waiting;
 * - errors of the source pass unchanged; empty chunks do not pass at all;
 * - the source is closed whenever the reader stops before its end, but never waited for.
 */
export async function* readBody(
  body: Body,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  throwIfAborted(signal);
  const expectedBytes = bodySize(body);
  const iterator = openBody(body)[Symbol.asyncIterator]();
  // One listener and one pending promise, not a race for each chunk: races pile up on a signal that stays.
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
      throw wrongLength(expectedBytes, receivedBytes);
    }
    ended = true;
  } finally {
    signal?.removeEventListener("abort", onAbort);
    if (!ended) letGo(iterator);
  }
}

/** Close a source that is not read to its end. One that hangs closes when it wakes up: nobody waits for it. */
function letGo(iterator: AsyncIterator<Uint8Array>): void {
  iterator.return?.().then(undefined, () => {});
}

function wrongLength(expectedBytes: number, receivedBytes: number): StowageError {
  const came = receivedBytes > expectedBytes ? "more" : `${receivedBytes}`;
  return new StowageError(
    "body_incomplete",
    `Cannot store body: ${expectedBytes} bytes were announced, ${came} came`,
    { data: { expectedBytes, receivedBytes } },
  );
}
