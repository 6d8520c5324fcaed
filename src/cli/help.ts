import type { Command } from "./command.ts";

/** The last row of every list of options. */
export const HELP_ROW = ["-h, --help", "Show this help"] as const;

/** `stowage --help`. */
export function generalHelp(commands: readonly Command[]): string {
  return `Stowage accepts file uploads over HTTP and stores them in the storage you configure.

Usage: stowage <command> [options]

Commands:
${columns(commands.map((command) => [command.name, command.summary]))}

Options:
${columns([
  ["-h, --help", "Show this help, or the help of a command"],
  ["--version", "Show the version"],
])}

Settings are environment variables: stowage serve --help lists them.
Exit codes: 0 done, 1 finished with failures, 2 wrong usage or configuration.
`;
}

/** Two aligned columns, indented by two. */
export function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join("\n");
}
