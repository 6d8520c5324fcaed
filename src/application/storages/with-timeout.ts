import { waitFor } from "../../domain/delay.ts";
import { StowageError } from "../../domain/errors.ts";

/**
 * Wait for a storage, but not longer than `limitMs`.
 *
 * @param verb The action, for the message: `check storage`.
 * @param work Gets a signal that is aborted at the timeout. A driver may ignore it, so `work` must clean up a late
 *   result itself.
 * @throws {StowageError} `storage_timeout`; what `work` throws.
 */
export async function withTimeout<Result>(
  limitMs: number,
  verb: string,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const abort = new AbortController();
  const timedOut = (): StowageError => {
    abort.abort();
    return new StowageError(
      "storage_timeout",
      `Cannot ${verb}: the storage did not respond in time`,
      { retryable: true, data: { limitMs } },
    );
  };
  return await waitFor(work(abort.signal), { timeout: { ms: limitMs, error: timedOut } });
}
