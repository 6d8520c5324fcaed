import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import process from "node:process";

/**
 * A shell that is told which processes there are, a line for each change, and ends them when its input ends:
 * the system closes that however we die. Ctrl-C and a supervisor reach it too; it goes last.
 */
const SCRIPT = [
  "trap '' HUP INT QUIT TERM",
  'while read -r line; do pids="$line"; done',
  '[ -z "$pids" ] || kill -9 $pids',
].join("\n");

/** Where no shell will live there is no hurry to start the next. */
const REPLACE_MS = 500;

const pids = new Set<number>();
let guard: ChildProcess | undefined;

/**
 * Have a process ended when this one has ended, even by SIGKILL. It cannot see to that itself: while it
 * computes it hears of nothing. One guard serves all of them, started with the first, and keeps nobody alive.
 *
 * @param ended When it needs no more of that: its id may be another's from then on.
 */
export function endWithUs(pid: number, ended: Promise<unknown>): void {
  pids.add(pid);
  tell();
  void ended.then(() => {
    pids.delete(pid);
    tell();
  });
}

function tell(): void {
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
  // One that was ended itself is replaced, and told everything anew: what it was told last it may not have heard.
  const replace = () => {
    if (guard !== started) return;
    guard = undefined;
    setTimeout(() => {
      if (guard === undefined && pids.size > 0) tell();
    }, REPLACE_MS).unref();
  };
  started.once("exit", replace);
  started.on("error", replace);
  started.unref();
  // Node gives no pipe where no descriptor was left.
  const stdin = started.stdin as Socket | null | undefined;
  stdin?.on("error", replace);
  stdin?.unref();
  return started;
}
