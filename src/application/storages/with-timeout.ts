import { waitFor } from "../../domain/delay.ts";
import { StowageError } from "../../domain/errors.ts";

/**
 * Wait for a storage no longer than `limitMs`.
 *
 * @param verb What is tried, for the message: `check storage`.
 * @param work Gets a signal that is aborted when the time is over. A driver may not listen to it: it is not waited
 *   for, and its late result is for `work` to clean up.
 * @throws {StowageError} `storage_timeout` if the time is over first; what `work` throws.
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
      `Cannot ${verb}: the storage did not answer in time`,
      { retryable: true, data: { limitMs } },
    );
  };
  return await waitFor(work(abort.signal), { timeout: { ms: limitMs, error: timedOut } });
}
