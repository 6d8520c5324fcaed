import { type ParseArgsConfig, parseArgs } from "node:util";
import type { Config } from "../config.ts";
import type { ApiKeyRecords } from "../domain/ports/api-keys.ts";
import type { TenantRecords } from "../domain/ports/tenants.ts";
import type { BulkWork } from "../runtime/bulk-work.ts";
import type { Inspection } from "../runtime/inspection.ts";

/** 0: done. 1: finished with failures. 2: wrong usage or configuration; nothing was tried. */
export type ExitCode = 0 | 1 | 2;

/** What a command needs of the runtime it works in. Loaded only by commands that use it. */
export interface CliRuntime {
  serve(
    config: Config,
    io: { out(text: string): void; err(text: string): void; readonly isTerminal: boolean },
  ): Promise<{ readonly url: string; readonly closed: Promise<void>; close(): Promise<void> }>;
  /** Open the parts of the service one by one, changing nothing. */
  inspect(config: Config, env: Cli["env"]): Promise<Inspection>;
  /** Open what processing in bulk needs, beside any servers. */
  openBulkWork(config: Config, err: (text: string) => void): Promise<BulkWork>;
  openKeyRecords(config: Config): Promise<{ readonly keys: ApiKeyRecords; close(): Promise<void> }>;
  openTenantRecords(
    config: Config,
  ): Promise<{ readonly tenants: TenantRecords; close(): Promise<void> }>;
}

/** The process around a command, so that a test can be one. */
export interface Cli {
  /** What follows the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Results, fit for a pipe. */
  out(text: string): void;
  /** Messages to a person. */
  err(text: string): void;
  /** Whether a person reads the messages. */
  readonly isTerminal: boolean;
  /** How many characters fit into a line of the messages, now. */
  columns?(): number | undefined;
  /** From the first call on, an interrupt aborts this signal instead of ending the process. */
  stopSignal(): AbortSignal;
  runtime(): Promise<CliRuntime>;
}

/** One word of the command line: it does something, or leads to commands that do. */
export type Command = {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  help(): string;
} & (
  | { run(cli: Cli, args: readonly string[]): Promise<ExitCode> }
  | { readonly commands: readonly Command[] }
);

/** The command line makes no sense. Its message is shown with the way to the help, and the exit is 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  /** Whose `--help` would have told: `token create`. */
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
 * The options and words of one command.
 *
 * @param words How many words it takes besides its options.
 * @throws {UsageError} For what it does not know, for a value that is missing, and for words too many.
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
    // Node's advice after the first sentence is for positional arguments, which ours never are.
    const [reason = ""] = (error as Error).message.split(/\. |\n/, 1);
    throw new UsageError(command, reason);
  }
}
