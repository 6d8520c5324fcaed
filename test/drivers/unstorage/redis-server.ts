import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { hasPrograms } from "../../support/can-run.ts";

const HOST = "127.0.0.1";

/** Whether tests that need a Redis can run. */
export function hasRedis(): boolean {
  return hasPrograms(["redis-server"], "apt-get install redis-server");
}

/** A Redis of its own, which writes every command to disk before it answers. Dies and comes back on demand. */
export class RedisServer {
  readonly password: string;
  readonly port: number;
  readonly #folder: string;
  #child: ChildProcess | null = null;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.port = port;
    this.password = "hunter2";
  }

  /** Start one on a free port, with its data in `folder`. */
  static async start(folder: string): Promise<RedisServer> {
    const server = new RedisServer(folder, await freePort());
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://:${this.password}@${HOST}:${this.port}/0`;
  }

  /** Resolves when it takes connections. */
  async start(): Promise<void> {
    const settings: readonly (readonly [string, string])[] = [
      ["bind", HOST],
      ["port", `${this.port}`],
      ["dir", this.#folder],
      ["requirepass", this.password],
      ["appendonly", "yes"],
      ["appendfsync", "always"],
      ["save", ""],
    ];
    const args = settings.flatMap(([name, value]) => [`--${name}`, value]);
    const child = spawn("redis-server", args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`redis-server ended with ${code}`)));
      createInterface({ input: child.stdout }).on("line", (line) => {
        if (line.includes("Ready to accept connections")) resolve();
      });
    });
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child?.kill(signal);
  }

  /** As a power cut would. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("No port was given");
  return address.port;
}
