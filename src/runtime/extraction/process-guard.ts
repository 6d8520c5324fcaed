import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import process from "node:process";

/**
 * A shell that reads the list of processes, one line per change, and kills them when its input ends. The system closes
 * that input however this process ends. Signals from Ctrl-C or a supervisor are ignored, so that the shell ends last.
 */
const SCRIPT = [
  "trap '' HUP INT QUIT TERM",
  'while read -r line; do pids="$line"; done',
  '[ -z "$pids" ] || kill -9 $pids',
].join("\n");

/** If shells keep ending, do not start them in a tight loop. */
const REPLACE_MS = 500;

const pids = new Set<number>();
let guard: ChildProcess | undefined;

/**
 * Kill a process when this one ends, even by SIGKILL. The process cannot do that itself: it notices nothing while it
 * computes. One guard serves all processes. It starts with the first and does not keep this process alive.
 *
 * @param ended Resolves when the process has ended; its id may then belong to another process.
 */
export function endWithUs(pid: number, ended: Promise<unknown>): void {
  pids.add(pid);
  sendList();
  void ended.then(() => {
    pids.delete(pid);
    sendList();
  });
}

function sendList(): void {
  guard ??= startGuard();
  guard?.stdin?.write(`${[...pids].join(" ")}\n`);
}

function startGuard(): ChildProcess | undefined {
  const PATH = process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin";
  const started = spawn("sh", ["-c", SCRIPT], {
    env: { PATH },
    stdio: ["pipe", "ignore", "ignore"],
    windowsHide: true,
  });
  // Replace a guard that was killed, and send the whole list again: it may not have read the last line.
  const replace = () => {
    if (guard !== started) return;
    guard = undefined;
    setTimeout(() => {
      if (guard === undefined && pids.size > 0) sendList();
    }, REPLACE_MS).unref();
  };
  started.once("exit", replace);
  started.on("error", replace);
  started.unref();
  // Without free descriptors there is no pipe.
  const stdin = started.stdin as Socket | null | undefined;
  stdin?.on("error", replace);
  stdin?.unref();
  return started;
}
