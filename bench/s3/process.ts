import { type ChildProcess, fork } from "node:child_process";
import { readFile } from "node:fs/promises";

/** A measured process: one message in, one message out. */
export class Measured<Ready> {
  readonly #child: ChildProcess;
  readonly ready: Ready;

  private constructor(child: ChildProcess, ready: Ready) {
    this.#child = child;
    this.ready = ready;
  }

  /** Resolves with the first message of `module`. */
  static async start<Ready>(
    module: string,
    args: readonly string[],
    { execArgv = [], env = {} }: { execArgv?: string[]; env?: Record<string, string> } = {},
  ): Promise<Measured<Ready>> {
    const child = fork(new URL(module, import.meta.url), [...args], {
      execArgv,
      env: { ...process.env, ...env },
      stdio: "inherit",
    });
    return new Measured(child, await nextMessage<Ready>(child));
  }

  async ask<Answer>(message: object): Promise<Answer> {
    const answer = nextMessage<Answer>(this.#child);
    this.#child.send(message);
    return await answer;
  }

  /** The most it has ever held in memory. */
  async peakMib(): Promise<number> {
    const status = await readFile(`/proc/${this.#child.pid}/status`, "utf8");
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await ended;
  }
}

async function nextMessage<Message>(child: ChildProcess): Promise<Message> {
  return await new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`It ended with ${code}`));
    child.once("exit", onExit);
    child.once("message", (message) => {
      child.off("exit", onExit);
      resolve(message as Message);
    });
  });
}
