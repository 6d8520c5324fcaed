import { delay } from "../../domain/delay.ts";
import { isBusy } from "./sqlite-errors.ts";

/** The longest delay between two tries, in milliseconds: short, to notice soon that a lock is free. */
const MAX_DELAY_MS = 50;

/** The delay after a delay, in milliseconds: 1, 2, 4 … 50, 50 … */
export function backoff(delayMs: number): number {
  return Math.min(delayMs * 2, MAX_DELAY_MS);
}

/**
 * Repeat `work` while another connection holds the lock. The event loop stays free in between; the busy
 * handler of SQLite would block the whole process instead.
 *
 * @param limitMs Bounds the sum of the delays. After that the last error is thrown.
 */
export async function retryWhileBusy<Result>(work: () => Result, limitMs: number): Promise<Result> {
  let waitedMs = 0;
  for (let delayMs = 1; ; delayMs = backoff(delayMs)) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || waitedMs >= limitMs) throw error;
    }
    await delay(delayMs);
    waitedMs += delayMs;
  }
}
