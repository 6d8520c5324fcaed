import { type CallOptions, throwIfAborted } from "../../../src/driver.ts";

/** What a request that must not be left undecided gets when its caller has given up. */
const GRACE_MS = 3000;

/** Run `work` with a signal that hears of the caller's abort a little later. */
export async function withGrace<Result>(
  signal: AbortSignal | undefined,
  work: (options: CallOptions) => Promise<Result>,
): Promise<Result> {
  if (signal === undefined) return await work({});
  throwIfAborted(signal);
  const late = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const onAbort = (): void => {
    timer = setTimeout(() => late.abort(signal.reason), GRACE_MS);
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await work({ signal: late.signal });
  } finally {
    signal.removeEventListener("abort", onAbort);
    clearTimeout(timer);
  }
}
