import { redact } from "../adapters/log/redact.ts";
import { type ErrorCode, isStowageError } from "../domain/errors.ts";
import { packageVersion } from "../runtime/version.ts";
import { describeCause } from "./cause.ts";
import { type Cli, type Command, type ExitCode, UsageError } from "./command.ts";
import { doctorCommand } from "./doctor.ts";
import { generalHelp } from "./help.ts";
import { invocation } from "./invocation.ts";
import { processCommand } from "./process.ts";
import { serveCommand } from "./serve.ts";
import { tenantCommand } from "./tenant.ts";
import { tokenCommand } from "./token.ts";

const COMMANDS: readonly Command[] = [
  serveCommand,
  processCommand,
  doctorCommand,
  tenantCommand,
  tokenCommand,
];

const ROOT: Command = {
  name: "",
  summary: "",
  commands: COMMANDS,
  help: () => generalHelp(COMMANDS),
};

/** Errors that only a change of the configuration fixes. */
const CONFIGURATION: readonly ErrorCode[] = [
  "invalid_config",
  "invalid_storage_uri",
  "unknown_driver",
  "storage_misconfigured",
];

/**
 * Run one command line. Never throws: errors are written to `cli.err`.
 *
 * @returns The exit code.
 */
export async function run(cli: Cli): Promise<ExitCode> {
  try {
    if (cli.argv[0] === "--version") {
      cli.out(`${packageVersion()}\n`);
      return 0;
    }
    return await dispatch(cli, ROOT, cli.argv, "");
  } catch (error) {
    cli.err(`${redact(describeFailure(error, invocation(cli.env)))}\n`);
    return exitCodeOf(error);
  }
}

/** @param path The command's words so far: `token`. */
async function dispatch(
  cli: Cli,
  command: Command,
  args: readonly string[],
  path: string,
): Promise<ExitCode> {
  const [first, ...rest] = args;
  const asked = "commands" in command ? args.slice(0, 1) : args;
  if (asked.includes("--help") || asked.includes("-h")) {
    cli.out(command.help());
    return 0;
  }
  if (!("commands" in command)) return await command.run(cli, args);
  if (first === undefined) {
    cli.err(command.help());
    return 2;
  }
  const word = `${path} ${first}`.trim();
  const next = command.commands.find((candidate) => candidate.name === first);
  if (next === undefined) {
    if (first.startsWith("-")) throw new UsageError(path, `Unknown option "${first}"`);
    const known = command.commands.map((candidate) => candidate.name).join(", ");
    throw new UsageError(path, `Unknown command "${word}": use one of ${known}`);
  }
  return await dispatch(cli, next, rest, word);
}

function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return 2;
  const wrong = CONFIGURATION.some((code) => isStowageError(error, code));
  return wrong && !isAddressInUse(error) ? 2 : 1;
}

/** A port in use may be free later: the settings are not wrong. */
function isAddressInUse(error: unknown): boolean {
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  return code === "EADDRINUSE" || (cause instanceof Error && isAddressInUse(cause));
}

/** One line for a known error; the stack of an unexpected one, for debugging. */
function describeFailure(error: unknown, program: string): string {
  if (error instanceof UsageError) {
    const words = [program, error.command, "--help"].filter((word) => word !== "");
    return `${error.message}\nTry: ${words.join(" ")}`;
  }
  if (isStowageError(error)) {
    const advice = error.advice === undefined ? "" : `\nWhat to do: ${error.advice}.`;
    const more = error.code.startsWith("storage_") ? `\nTry: ${program} doctor` : "";
    return `${error.message}${describeCause(error)}${advice}${more}`;
  }
  return error instanceof Error ? (error.stack ?? String(error)) : String(error);
}
