import { findApiKeyId } from "../adapters/auth/api-key.ts";
import { loadConfig } from "../config.ts";
import { type Command, type ExitCode, parseCommand, UsageError } from "./command.ts";
import { columns, HELP_ROW } from "./help.ts";
import { keyTable, keyToJson, parseTenant, withKeys } from "./keys.ts";
import { createTokenCommand } from "./token-create.ts";
import { rotateTokenCommand } from "./token-rotate.ts";

const listCommand: Command = {
  name: "list",
  summary: "List keys, newest first",
  help: () => `List API keys, newest first. The keys themselves are not stored and cannot be shown.

Usage: stowage token list [--tenant ID] [--json]

Options:
${columns([["--tenant ID", "Only keys of this tenant"], ["--json", "Write JSON"], HELP_ROW])}
`,
  async run(cli, args): Promise<ExitCode> {
    const { values } = parseCommand("token list", args, { tenant: { type: "string" } });
    const tenant =
      values.tenant === undefined ? undefined : parseTenant("token list", values.tenant);
    const config = loadConfig(cli.env);
    const keys = await withKeys(cli, config, (records) => records.list(tenant));
    const now = Date.now();
    const items = keys.map((key) => keyToJson(key, now));
    if (values.json) cli.out(`${JSON.stringify({ items }, null, 2)}\n`);
    else if (keys.length > 0) cli.out(keyTable(keys, now));
    else cli.err(`No keys in sqlite:${config.database.path}\n`);
    return 0;
  },
};

const revokeCommand: Command = {
  name: "revoke",
  summary: "Revoke a key",
  help: () => `Revoke an API key permanently. A running server notices within two seconds.

Usage: stowage token revoke ID [--json]

ID is the id that stowage token list shows; the key itself works too.

Options:
${columns([["--json", "Write JSON"], HELP_ROW])}
`,
  async run(cli, args): Promise<ExitCode> {
    const { values, positionals } = parseCommand("token revoke", args, {}, 1);
    const [given] = positionals;
    if (given === undefined) throw new UsageError("token revoke", "Missing the ID of the key");
    const id = findApiKeyId(given) ?? given;
    const config = loadConfig(cli.env);
    const done = await withKeys(cli, config, (records) => records.revoke(id, Date.now()));
    if (values.json) cli.out(`${JSON.stringify({ id, revoked: done })}\n`);
    cli.err(done ? `Revoked key ${id}\n` : `Cannot revoke key: no key has the id ${id}\n`);
    return done ? 0 : 1;
  },
};

const COMMANDS: readonly Command[] = [
  createTokenCommand,
  listCommand,
  rotateTokenCommand,
  revokeCommand,
];

/** `stowage token create|list|rotate|revoke`. */
export const tokenCommand: Command = {
  name: "token",
  summary: "Create, list, rotate and revoke API keys",
  commands: COMMANDS,
  help: () => `Create, list, rotate and revoke API keys.

Usage: stowage token <command> [options]

Commands:
${columns(COMMANDS.map((command) => [command.name, command.summary]))}

Keys are stored in the database that DATABASE_URL names. For more: stowage token <command> --help
`,
};
