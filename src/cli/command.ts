import { type ParseArgsConfig, parseArgs } from "node:util";
import type { Config } from "../config.ts";
import type { ApiKeyRecords } from "../domain/ports/api-keys.ts";
import type { TenantRecords } from "../domain/ports/tenants.ts";
import type { BulkWork } from "../runtime/bulk-work.ts";
import type { Inspection } from "../runtime/inspection.ts";

/** 0: done. 1: finished with failures. 2: wrong usage or configuration; nothing was tried. */
export type ExitCode = 0 | 1 | 2;

/** What commands need from the runtime. Only commands that use it load it. */
export interface CliRuntime {
  serve(
    config: Config,
    io: { out(text: string): void; err(text: string): void; readonly isTerminal: boolean },
  ): Promise<{ readonly url: string; readonly closed: Promise<void>; close(): Promise<void> }>;
  /** Open the parts of the service one by one, without changing anything. */
  inspect(config: Config, env: Cli["env"]): Promise<Inspection>;
  /** Open what bulk processing needs. Servers may run at the same time. */
  openBulkWork(config: Config, err: (text: string) => void): Promise<BulkWork>;
  openKeyRecords(config: Config): Promise<{ readonly keys: ApiKeyRecords; close(): Promise<void> }>;
  openTenantRecords(
    config: Config,
  ): Promise<{ readonly tenants: TenantRecords; close(): Promise<void> }>;
}

/** The process around a command; tests replace it. */
export interface Cli {
  /** The arguments after the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Results, fit for a pipe. */
  out(text: string): void;
  /** Messages for people. */
  err(text: string): void;
  /** Whether a person reads the messages. */
  readonly isTerminal: boolean;
  /** The current width of the terminal, in characters. */
  columns?(): number | undefined;
  /** After the first call, an interrupt aborts this signal instead of ending the process. */
  stopSignal(): AbortSignal;
  runtime(): Promise<CliRuntime>;
}

/** A command, or a group of commands. */
export type Command = {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  help(): string;
} & (
  | { run(cli: Cli, args: readonly string[]): Promise<ExitCode> }
  | { readonly commands: readonly Command[] }
);

/** The command line is invalid. The message is shown with a pointer to the help; the exit code is 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  /** The command whose `--help` explains it: `token create`. */
  readonly command: string;
  constructor(command: string, message: string) {
    super(message);
    this.command = command;
  }
}

type Options = NonNullable<ParseArgsConfig["options"]>;

/** Every command has these two. */
const COMMON = {
  help: { type: "boolean", short: "h" },
  json: { type: "boolean" },
} as const satisfies Options;

/**
 * Parse the options and positional arguments of one command.
 *
 * @param words How many positional arguments it takes.
 * @throws {UsageError} For an unknown option, a missing value, or too many arguments.
 */
export function parseCommand<const T extends Options>(
  command: string,
  args: readonly string[],
  options: T,
  words = 0,
) {
  const parsed = parse(command, args, options);
  const extra = parsed.positionals[words];
  if (extra !== undefined) throw new UsageError(command, `Unexpected argument "${extra}"`);
  return parsed;
}

function parse<const T extends Options>(command: string, args: readonly string[], options: T) {
  try {
    return parseArgs({
      args: [...args],
      options: { ...COMMON, ...options },
      allowPositionals: true,
      strict: true,
    });
  } catch (error) {
    // Node's advice after the first sentence is about positional arguments and does not apply.
    const [reason = ""] = (error as Error).message.split(/\. |\n/, 1);
    throw new UsageError(command, reason);
  }
}
