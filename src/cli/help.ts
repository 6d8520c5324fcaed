import type { Command } from "./command.ts";

/** The line that every list of options ends with. */
export const HELP_ROW = ["-h, --help", "Show this help"] as const;

/** `stowage --help`. */
export function generalHelp(commands: readonly Command[]): string {
  return `Stowage takes file uploads over HTTP and keeps them where configuration says.

Usage: stowage <command> [options]

Commands:
${columns(commands.map((command) => [command.name, command.summary]))}

Options:
${columns([
  ["-h, --help", "Show this help, or that of a command"],
  ["--version", "Show the version"],
])}

Settings are environment variables: stowage serve --help lists them.
Exit codes: 0 done, 1 finished with failures, 2 wrong usage or configuration.
`;
}

/** Pairs in two aligned columns, indented by two. */
export function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join("\n");
}
