import { spawn } from "node:child_process";
import { onTestFinished } from "vitest";

/** What a server has said at its start. */
export interface Served {
  readonly url: string;
  /** The key of a first start; empty at any other. */
  readonly key: string;
  readonly said: string;
}

/** Run a script that ends with a server, as a shell would, until that has reported where it listens. */
export async function serveScript(
  script: string,
  env: Readonly<Record<string, string>>,
  cwd = ".",
): Promise<Served> {
  const child = spawn("bash", ["-euc", script], {
    env,
    cwd,
    stdio: ["ignore", "pipe", "ignore"],
    detached: true,
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  onTestFinished(async () => {
    // The whole group: bash, npm and npx are only the parents of the server.
    if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
    await ended;
  });
  let said = "";
  for await (const text of child.stdout.setEncoding("utf8")) {
    said += text;
    const url = /listens on (http:\S+)/.exec(said)?.[1];
    if (url !== undefined) return { url, said, key: /^ {2}(stw_\S+)$/m.exec(said)?.[1] ?? "" };
  }
  throw new Error(`It ended: ${said}`);
}
