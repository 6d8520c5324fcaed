import { readdirSync, readFileSync } from "node:fs";
import { childrenOf } from "../support/processes.ts";
import type { ServerProcess } from "../support/server-process.ts";

/** How a server fared while it was worked hard. */
export interface Pulse {
  /** Answers to `/health/live` that were not 200, and requests that got none. */
  readonly failures: readonly string[];
  readonly asked: number;
  /** Time to the answer. */
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Resident memory of the server: when it began, and the most of it. */
  readonly rssBefore: number;
  readonly rssMost: number;
  /** The most of any of its processes. */
  readonly childMost: number;
}

const EVERY_MS = 20;

/** Ask a server how it is, again and again. @returns How to stop, and what came of it. */
export function takePulse(server: ServerProcess): () => Promise<Pulse> {
  const pid = server.child.pid ?? 0;
  const latencies: number[] = [];
  const failures: string[] = [];
  const rssBefore = memoryOf(pid, "VmRSS");
  let rssMost = rssBefore;
  let childMost = 0;
  let stopped = false;
  const beating = (async () => {
    while (!stopped) {
      const askedAt = performance.now();
      try {
        const answer = await fetch(`${server.url}/health/live`);
        await answer.arrayBuffer();
        if (answer.status !== 200) failures.push(String(answer.status));
      } catch (error) {
        failures.push(String(error));
      }
      latencies.push(performance.now() - askedAt);
      rssMost = Math.max(rssMost, memoryOf(pid, "VmRSS"));
      for (const child of childrenOf(pid))
        childMost = Math.max(childMost, memoryOf(child, "VmHWM"));
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  })();
  return async () => {
    stopped = true;
    await beating;
    const sorted = latencies.toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
    return {
      failures,
      asked: sorted.length,
      medianMs: at(0.5),
      p99Ms: at(0.99),
      maxMs: at(1),
      rssBefore,
      rssMost,
      childMost,
    };
  };
}

export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Of proc_pid_status(5), in bytes; 0 once it is gone. */
export function memoryOf(pid: number, field: "VmRSS" | "VmHWM"): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
