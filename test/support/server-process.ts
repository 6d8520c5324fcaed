import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { holdServer } from "./held-servers.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** Someone who waits for a line of the log. */
interface Awaited {
  readonly event: string;
  resolve(entry: Record<string, unknown>): void;
}

/** `stowage serve` in a process of its own, as people run it. */
export class ServerProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** Log lines so far, as objects. */
  readonly log: Record<string, unknown>[];
  /** Lines of standard error that are none: nothing is written there but the log. */
  readonly unread: string[];
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;

  readonly #awaited: Awaited[];

  private constructor(
    url: string,
    child: ChildProcess,
    reported: Pick<ServerProcess, "log" | "unread"> & { readonly awaited: Awaited[] },
    ended: ServerProcess["ended"],
  ) {
    this.url = url;
    this.child = child;
    this.log = reported.log;
    this.unread = reported.unread;
    this.#awaited = reported.awaited;
    this.ended = ended;
  }

  /**
   * Start it on a free port and wait until it listens. What `fetch` gets from it is held against the document.
   *
   * @param env Settings; nothing else is inherited but PATH.
   * @param wrap A command line in front, such as strace's.
   * @param onDone Called with what ends it. Default: at the end of the test.
   */
  static async start(
    env: Readonly<Record<string, string>>,
    wrap: readonly string[] = [],
    onDone: (end: () => Promise<void>) => void = onTestFinished,
  ): Promise<ServerProcess> {
    const [command = "", ...args] = [...wrap, process.execPath, MAIN, "serve"];
    const child = spawn(command, args, {
      env: { PATH: process.env["PATH"] ?? "", PORT: "0", LOG_FORMAT: "json", ...env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
      child.once("exit", (code, signal) => resolve({ code, signal }));
    });
    let letGo = (): void => {};
    // A test that fails half way must not leave its server to the next.
    onDone(async () => {
      letGo();
      child.kill("SIGKILL");
      await ended;
    });
    const log: Record<string, unknown>[] = [];
    const unread: string[] = [];
    const awaited: Awaited[] = [];
    const url = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stderr }).on("line", (line) => {
        const entry = parse(line);
        if (entry === null) unread.push(line);
        else log.push(entry);
        const index = awaited.findIndex(({ event }) => event === entry?.["event"]);
        if (entry !== null && index >= 0) awaited.splice(index, 1)[0]?.resolve(entry);
        if (entry?.["event"] === "server.listening") resolve(String(entry["url"]));
      });
      void ended.then(({ code, signal }) =>
        reject(new Error(`It ended with ${code ?? signal}: ${unread.join("\n")}`)),
      );
    });
    letGo = holdServer(new URL(url).origin);
    return new ServerProcess(url, child, { log, unread, awaited }, ended);
  }

  /** The next line of the log that reports `event`. */
  async nextLog(event: string): Promise<Record<string, unknown>> {
    return await new Promise((resolve) => this.#awaited.push({ event, resolve }));
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
