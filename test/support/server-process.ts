import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** `stowage serve` in a process of its own, as people run it. */
export class ServerProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** Log lines so far, as objects. */
  readonly log: Record<string, unknown>[];
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;

  private constructor(
    url: string,
    child: ChildProcess,
    log: Record<string, unknown>[],
    ended: ServerProcess["ended"],
  ) {
    this.url = url;
    this.child = child;
    this.log = log;
    this.ended = ended;
  }

  /**
   * Start it on a free port and wait until it listens.
   *
   * @param env Settings; nothing else is inherited but PATH.
   * @param wrap A command line in front, such as strace's.
   */
  static async start(
    env: Readonly<Record<string, string>>,
    wrap: readonly string[] = [],
  ): Promise<ServerProcess> {
    const [command = "", ...args] = [...wrap, process.execPath, MAIN, "serve"];
    const child = spawn(command, args, {
      env: { PATH: process.env["PATH"] ?? "", PORT: "0", LOG_FORMAT: "json", ...env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
      child.once("exit", (code, signal) => resolve({ code, signal }));
    });
    // A test that fails half way must not leave its server to the next.
    onTestFinished(async () => {
      child.kill("SIGKILL");
      await ended;
    });
    const log: Record<string, unknown>[] = [];
    const unread: string[] = [];
    const url = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stderr }).on("line", (line) => {
        const entry = parse(line);
        if (entry === null) unread.push(line);
        else log.push(entry);
        if (entry?.["event"] === "server.listening") resolve(String(entry["url"]));
      });
      void ended.then(({ code, signal }) =>
        reject(new Error(`It ended with ${code ?? signal}: ${unread.join("\n")}`)),
      );
    });
    return new ServerProcess(url, child, log, ended);
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    this.child.kill(signal);
    await this.ended;
  }
}

function parse(line: string): Record<string, unknown> | null {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return null;
  }
}
