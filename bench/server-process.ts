import { fork } from "node:child_process";

/** A server in a process of its own. */
export interface ServerProcess {
  readonly port: number;
  /** What it wants to be shown; empty where it lets everyone in. */
  readonly key: string;
  readonly pid: number;
  /** How long its event loop was held up since the last call; `null` where it has none. */
  lagP99Ms(): Promise<number | null>;
  stop(): Promise<void>;
}

/** Start one of `servers/`. */
export async function startServer(
  module: string,
  folder: string,
  flags: readonly string[] = [],
): Promise<ServerProcess> {
  const child = fork(new URL(`servers/${module}`, import.meta.url), [folder], {
    execArgv: [...flags],
    stdio: "inherit",
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const next = async <Message>(): Promise<Message> =>
    await Promise.race([
      new Promise<Message>((resolve) =>
        child.once("message", (message) => resolve(message as Message)),
      ),
      ended.then((code) => {
        throw new Error(`${module} ended with ${code}`);
      }),
    ]);
  const { url, key = "" } = await next<{ readonly url: string; readonly key?: string }>();
  return {
    port: Number(new URL(url).port),
    key,
    pid: child.pid ?? 0,
    async lagP99Ms() {
      const answer = next<number>();
      child.send("lag");
      return await answer;
    },
    async stop() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
