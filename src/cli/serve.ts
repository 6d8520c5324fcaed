import { availableParallelism } from "node:os";
import { describeDefault, type Setting } from "../config/setting.ts";
import { SETTINGS } from "../config/settings.ts";
import { loadConfig } from "../config.ts";
import { type Command, type ExitCode, parseCommand } from "./command.ts";
import { columns, HELP_ROW } from "./help.ts";

/** `stowage serve`: run until interrupted. */
export const serveCommand: Command = {
  name: "serve",
  summary: "Serve uploads over HTTP",
  help: () => `Serve uploads over HTTP until interrupted.

Usage: stowage serve [--json]

Options:
${columns([["--json", 'Write only {"url": …} to stdout once it listens'], HELP_ROW])}

The first interrupt (Ctrl-C, SIGTERM) lets requests in flight finish. A second one stops at once.

Environment (default):
${columns(Object.entries<Setting>(SETTINGS).map(([name, setting]) => [name, settingHelp(setting)]))}
`,

  async run(cli, args): Promise<ExitCode> {
    const { values } = parseCommand("serve", args, {});
    const config = loadConfig(cli.env, { cores: availableParallelism(), terminal: cli.isTerminal });
    const stop = cli.stopSignal();
    // A start may take long (a slow mount, a locked database): confirm the interrupt.
    const onEarly = () =>
      cli.err("Stopping as soon as it has started; interrupt again to stop at once\n");
    stop.addEventListener("abort", onEarly);
    const server = await (await cli.runtime()).serve(config, {
      // With --json, stdout has nothing but JSON.
      out: (text) => (values.json ? cli.err(text) : cli.out(text)),
      err: (text) => cli.err(text),
      isTerminal: cli.isTerminal && !cli.env["NO_COLOR"],
    });
    stop.removeEventListener("abort", onEarly);
    cli.out(values.json ? `${JSON.stringify({ url: server.url })}\n` : listening(server.url));
    if (await interrupted(stop, server.closed)) {
      const grace = config.server.shutdownGraceSeconds;
      cli.err(`Stopping: requests in flight have ${grace} s; interrupt again to stop at once\n`);
    }
    await server.close();
    return 0;
  },
};

function settingHelp(setting: Setting): string {
  return `${setting.about} (${describeDefault(setting)})`;
}

function listening(url: string): string {
  return `Stowage listens on ${url} (press Ctrl-C to stop)\n`;
}

/** Wait for the interrupt or the end of the server. @returns Whether it was the interrupt. */
async function interrupted(stop: AbortSignal, closed: Promise<void>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const onStop = () => resolve(true);
  stop.addEventListener("abort", onStop, { once: true });
  if (stop.aborted) onStop();
  try {
    return await Promise.race([promise, closed.then(() => false)]);
  } finally {
    stop.removeEventListener("abort", onStop);
  }
}
