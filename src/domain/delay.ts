import { abortedError, throwIfAborted } from "./cancellation.ts";

/**
 * Wait for `ms` milliseconds.
 *
 * @throws {StowageError} `request_aborted`, at once when `signal` is aborted.
 */
export async function delay(ms: number, signal?: AbortSignal): Promise<void> {
  throwIfAborted(signal);
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(abortedError(signal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
  /** The error after an abort. Default: `request_aborted`. */
  readonly abortError?: (() => unknown) | undefined;
  readonly timeout?: {
    readonly ms: number;
    /** The error at the timeout. */
    readonly error: () => unknown;
  };
}

/**
 * Wait for `work`, but not after an abort or a timeout. The work itself continues, and its late result is dropped.
 *
 * No listener or timer is left afterwards, so one long-lived signal can serve many calls.
 */
export async function waitFor<Result>(
  work: PromiseLike<Result>,
  { signal, abortError = () => abortedError(signal), timeout }: WaitOptions,
): Promise<Result> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = Promise.withResolvers<Result>();
  const onAbort = (): void => stop.reject(abortError());
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener("abort", onAbort, { once: true });
  // Not AbortSignal.timeout(): its timer would not keep a process alive that waits for nothing else.
  if (timeout !== undefined) timer = setTimeout(() => stop.reject(timeout.error()), timeout.ms);
  work.then(stop.resolve, stop.reject);
  try {
    return await stop.promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

const TIMED_OUT = Symbol("timed out");

/** Wait for `work`, but at most `ms` milliseconds. @returns `null` if it takes longer. */
export async function waitAtMost<Result>(
  work: PromiseLike<Result>,
  ms: number,
): Promise<Result | null> {
  try {
    return await waitFor(work, { timeout: { ms, error: () => TIMED_OUT } });
  } catch (error) {
    if (error === TIMED_OUT) return null;
    throw error;
  }
}
