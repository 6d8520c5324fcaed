import type { JobQueue } from "../../domain/ports/job-queue.ts";
import { type Logger, SILENT } from "../../domain/ports/logger.ts";

/**
 * A queue within one process. Wake-ups of one turn of the event loop reach each listener once; a wake-up
 * without listeners is lost, which the port allows.
 *
 * @param logger Logs a listener that throws (`queue.listener_failed`). The others are still called.
 */
export function createInProcessQueue(logger: Logger = SILENT): JobQueue {
  const listeners = new Set<{ readonly call: () => void }>();
  let due = false;

  function deliver(): void {
    due = false;
    for (const listener of [...listeners]) {
      // Another listener may have removed this one.
      if (!listeners.has(listener)) continue;
      try {
        listener.call();
      } catch (error) {
        logger.error("queue.listener_failed", { error });
      }
    }
  }

  return {
    wake() {
      if (due || listeners.size === 0) return;
      due = true;
      // A task, not a microtask: a listener that wakes the queue again must not starve the event loop.
      setTimeout(deliver, 0);
    },
    onWake(call) {
      const listener = { call };
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}
