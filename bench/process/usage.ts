import { readFile } from "node:fs/promises";

/** USER_HZ, which Linux keeps at 100: see proc_pid_stat(5). */
const TICKS_PER_SECOND = 100;

/** The processes that `pid` has started and that still live. */
export async function childrenOf(pid: number): Promise<number[]> {
  const list = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return list.split(" ").filter(Boolean).map(Number);
}

/** The most that a process has ever held in memory. */
export async function peakMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

/** Processor time of a process, those that it has started, and those that have ended meanwhile. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The name in parentheses may hold anything; utime, stime, cutime and cstime begin with the 12th field after it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const own = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0);
  const children = await childrenOf(pid).catch(() => []);
  const others = await Promise.all(children.map(cpuSeconds));
  return others.reduce((sum, one) => sum + one, own / TICKS_PER_SECOND);
}
