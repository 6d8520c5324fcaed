import type { Clock } from "../../domain/ports/clock.ts";
import type { Host } from "../../domain/ports/host.ts";
import type { ExtractionLimits } from "./limits.ts";

/** The limit that was exceeded. */
export type Excess = "memory" | "cpu" | "wall";

/** Between two checks, only RLIMIT_DATA limits a process. */
const CHECK_INTERVAL_MS = 50;

/** USER_HZ, which is 100 on every Linux machine: see proc_pid_stat(5). */
const TICK_MS = 10;

export interface WatchOptions {
  readonly host: Host;
  readonly clock: Clock;
  readonly limits: ExtractionLimits;
  readonly pid: number;
  /** Whether the process waits for bytes from us. That time does not count. */
  readonly waiting: () => boolean;
  readonly onExcess: (excess: Excess) => void;
}

/**
 * Watch a process while it works on one document.
 *
 * From outside, because timers do not run in a process that computes. Memory and CPU are visible where the
 * system has /proc. Elsewhere, RLIMIT_DATA and the clock are the only limits.
 *
 * @returns A function that stops watching. `onExcess` is called at most once, and never after that.
 */
export function watch(options: WatchOptions): () => void {
  const { clock, limits, onExcess, waiting } = options;
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let workedMs = 0;
  let cpuBefore: number | undefined;

  async function check(since: number): Promise<void> {
    const usage = await readUsage(options.host, options.pid);
    if (stopped) return;
    const now = clock.now();
    if (!waiting()) workedMs += Math.max(0, now - since);
    if (usage) cpuBefore ??= usage.cpuMs;
    const excess = findExcess(usage);
    if (excess === undefined) {
      timer = setTimeout(() => void check(now), CHECK_INTERVAL_MS);
      return;
    }
    stopped = true;
    onExcess(excess);
  }

  function findExcess(usage: Usage | null): Excess | undefined {
    if (usage && usage.rssBytes > limits.memoryBytes) return "memory";
    if (usage && usage.cpuMs - (cpuBefore ?? 0) > limits.cpuSeconds * 1000) return "cpu";
    return workedMs > limits.wallMs ? "wall" : undefined;
  }

  // Not at once: most documents are done before a first check would be.
  const startedAt = clock.now();
  timer = setTimeout(() => void check(startedAt), CHECK_INTERVAL_MS);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

interface Usage {
  readonly rssBytes: number;
  readonly cpuMs: number;
}

/** @returns `null` if the system does not show it, or the process is gone. */
async function readUsage(host: Host, pid: number): Promise<Usage | null> {
  const [status, stat] = await Promise.all([
    host.readTextFile(`/proc/${pid}/status`).catch(() => null),
    host.readTextFile(`/proc/${pid}/stat`).catch(() => null),
  ]);
  const rss = /^VmRSS:\s+(\d+) kB$/m.exec(status ?? "")?.[1];
  // The name in parentheses may contain anything. utime and stime are the 12th and 13th field after it.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields?.[11]) + Number(fields?.[12]);
  if (rss === undefined || Number.isNaN(ticks)) return null;
  return { rssBytes: Number(rss) * 1024, cpuMs: ticks * TICK_MS };
}
