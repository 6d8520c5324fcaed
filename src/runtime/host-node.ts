import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import process from "node:process";
import type { Host, HostProcess } from "../domain/ports/host.ts";
import { type Logger, SILENT } from "../domain/ports/logger.ts";
import { endWithUs } from "./extraction/process-guard.ts";

/** The exit code of a shell for a program that it cannot start. */
const CANNOT_START = 127;

/** Standard error is logged at `debug`, because it may contain document text. Longer lines are cut. */
const MAX_ERROR_TEXT = 2_000;

/** The host on Node. Logs the standard error of its processes at `debug`. */
export function createNodeHost(logger: Logger = SILENT): Host {
  return {
    env: process.env,
    async readTextFile(path) {
      try {
        return await readFile(path, "utf8");
      } catch (error) {
        if (isMissing(error)) return null;
        throw error;
      }
    },
    spawn: (command, args, { env }) => start(command, args, env, logger),
  };
}

/** A host that discards the standard error of its processes. */
export const nodeHost: Host = createNodeHost();

/** Start a process. If that fails, the process has the pid 0 and ends with code 127. */
function start(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  logger: Logger,
): HostProcess {
  const child: ChildProcess = spawn(command, args, {
    // The process sees only this: Node does not add its own environment.
    env: { ...env },
    stdio: ["pipe", "pipe", "pipe"],
    windowsHide: true,
  });
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once("error", () => resolve({ code: CANNOT_START, signal: null }));
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  // Later errors (a signal that did not arrive, a broken pipe) show in `write`, `output` and `ended`. Without a listener
  // they would end the service.
  child.on("error", () => {});
  const { stdin, stdout, stderr } = child;
  // Without free descriptors (EMFILE, ENFILE) the process has no pipes.
  if (!stdin || !stdout || !stderr) return neverStarted(ended);
  if (child.pid !== undefined) endWithUs(child.pid, ended);
  for (const stream of [stdin, stdout, stderr]) stream.on("error", () => {});
  stderr.setEncoding("utf8").on("data", (text: string) => {
    logger.debug("process.stderr", { pid: child.pid, text: text.slice(0, MAX_ERROR_TEXT) });
  });
  return {
    pid: child.pid ?? 0,
    write(bytes) {
      return new Promise((resolve, reject) => {
        const room = stdin.write(bytes, (error) => (error ? reject(error) : resolve()));
        if (room) resolve();
      });
    },
    end: () => void stdin.end(),
    output: stdout,
    ended,
    kill: (signal) => void child.kill(signal),
  };
}

function neverStarted(ended: HostProcess["ended"]): HostProcess {
  return {
    pid: 0,
    write: () => Promise.reject(new Error("Cannot write to process: it did not start")),
    end: () => {},
    output: (async function* () {})(),
    ended,
    kill: () => {},
  };
}

function isMissing(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  // ESRCH: a file in /proc whose process has just ended.
  return code === "ENOENT" || code === "ENOTDIR" || code === "ESRCH";
}
