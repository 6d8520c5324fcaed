import { isBusy } from "./sqlite-errors.ts";

/** The longest pause between two tries, in milliseconds: a lock is noticed free soon after it is. */
const LONGEST_PAUSE_MS = 50;

/** The pause after a pause, in milliseconds: 1, 2, 4 … 50, 50 … */
export function nextPause(pauseMs: number): number {
  return Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Do `work` again while another connection holds the lock, leaving the event loop free in between: the
 * busy handler of SQLite would stop the whole process for as long.
 *
 * @param limitMs How long the pauses may be together; then the last error is thrown.
 */
export async function patiently<Result>(work: () => Result, limitMs: number): Promise<Result> {
  let waitedMs = 0;
  for (let pauseMs = 1; ; pauseMs = nextPause(pauseMs)) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || waitedMs >= limitMs) throw error;
    }
    await pause(pauseMs);
    waitedMs += pauseMs;
  }
}
