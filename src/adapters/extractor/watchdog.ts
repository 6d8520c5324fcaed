import type { Clock } from "../../domain/ports/clock.ts";
import type { Host } from "../../domain/ports/host.ts";
import type { ExtractionLimits } from "./limits.ts";

/** Which limit was passed. */
export type Excess = "memory" | "cpu" | "wall";

/** Short enough that a process fills no more than RLIMIT_DATA lets it between two looks. */
const LOOK_EVERY_MS = 50;

/** USER_HZ, which Linux keeps at 100 for every program on every machine: see proc_pid_stat(5). */
const TICK_MS = 10;

export interface WatchOptions {
  readonly host: Host;
  readonly clock: Clock;
  readonly limits: ExtractionLimits;
  readonly pid: number;
  /** Whether the process waits for us to hand it bytes; that time is not its own. */
  readonly waiting: () => boolean;
  readonly onExcess: (excess: Excess) => void;
}

/**
 * Look after a process while it works on one document.
 *
 * From outside, since a process that computes runs no timers of its own. Memory and CPU are seen where the
 * system has /proc; elsewhere RLIMIT_DATA and the clock have to do.
 *
 * @returns How to stop. `onExcess` is called at most once, and never after that.
 */
export function watch(options: WatchOptions): () => void {
  const { clock, limits, onExcess, waiting } = options;
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let workedMs = 0;
  let cpuBefore: number | undefined;

  async function look(since: number): Promise<void> {
    const usage = await readUsage(options.host, options.pid);
    if (stopped) return;
    const now = clock.now();
    if (!waiting()) workedMs += Math.max(0, now - since);
    if (usage) cpuBefore ??= usage.cpuMs;
    const excess = findExcess(usage);
    if (excess === undefined) {
      timer = setTimeout(() => void look(now), LOOK_EVERY_MS);
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

  // Not at once: most documents are read sooner than it takes to look, and cost nothing yet.
  const startedAt = clock.now();
  timer = setTimeout(() => void look(startedAt), LOOK_EVERY_MS);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

interface Usage {
  readonly rssBytes: number;
  readonly cpuMs: number;
}

/** @returns `null` where the system does not show it, or the process is gone. */
async function readUsage(host: Host, pid: number): Promise<Usage | null> {
  const [status, stat] = await Promise.all([
    host.readTextFile(`/proc/${pid}/status`).catch(() => null),
    host.readTextFile(`/proc/${pid}/stat`).catch(() => null),
  ]);
  const rss = /^VmRSS:\s+(\d+) kB$/m.exec(status ?? "")?.[1];
  // The name in parentheses may hold anything; utime and stime are the 12th and 13th field after it.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields?.[11]) + Number(fields?.[12]);
  if (rss === undefined || Number.isNaN(ticks)) return null;
  return { rssBytes: Number(rss) * 1024, cpuMs: ticks * TICK_MS };
}
