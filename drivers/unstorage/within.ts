import { abortedError, StowageError, throwIfAborted } from "../../src/driver.ts";

/**
 * Wait for `work`, but neither longer than `timeoutMs` nor past an abort. It cannot be stopped: what it
 * still brings is dropped.
 *
 * @throws {StowageError} `storage_timeout`, `request_aborted`; else what `work` throws, also at once.
 */
export async function within<Result>(
  work: () => Result | PromiseLike<Result>,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Result> {
  throwIfAborted(signal);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let onAbort: (() => void) | undefined;
  try {
    return await new Promise<Result>((resolve, reject) => {
      onAbort = () => reject(abortedError(signal));
      signal?.addEventListener("abort", onAbort, { once: true });
      timer = setTimeout(() => reject(timedOut(timeoutMs)), timeoutMs);
      // Handed over when it settles: a promise that is resolved with another can end no other way.
      new Promise<Result>((begin) => begin(work())).then(resolve, reject);
    });
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal?.removeEventListener("abort", onAbort);
  }
}

function timedOut(timeoutMs: number): StowageError {
  return new StowageError(
    "storage_timeout",
    `Cannot use object in unstorage: the driver had not answered after ${timeoutMs} ms`,
    { retryable: true, data: { timeoutMs } },
  );
}
