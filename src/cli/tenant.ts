import { loadConfig } from "../config.ts";
import type { TenantRecord, TenantRecords } from "../domain/ports/tenants.ts";
import { type Cli, type Command, type ExitCode, parseCommand, UsageError } from "./command.ts";
import { table } from "./format.ts";
import { columns, HELP_ROW } from "./help.ts";
import { parseTenant } from "./keys.ts";
import { setTenantCommand } from "./tenant-set.ts";
import { TENANT_HEADING, tenantRow, tenantText, tenantToJson, withTenants } from "./tenants.ts";

/** Page size. */
const PAGE = 500;

const listCommand: Command = {
  name: "list",
  summary: "List tenants with their usage and limits",
  help: () => `List the tenants that have uploads or limits of their own, by name.

Usage: stowage tenant list [--json]

Options:
${columns([["--json", "Write JSON"], HELP_ROW])}
`,
  async run(cli, args): Promise<ExitCode> {
    const { values } = parseCommand("tenant list", args, {});
    const config = loadConfig(cli.env);
    const tenants = await withTenants(cli, config, readAll);
    if (values.json) writeJson(cli, { items: tenants.map((one) => tenantToJson(one, config)) });
    else if (tenants.length === 0) cli.err(`No tenants in sqlite:${config.database.path}\n`);
    else cli.out(table([TENANT_HEADING, ...tenants.map((one) => tenantRow(one, config))]));
    return 0;
  },
};

const showCommand: Command = {
  name: "show",
  summary: "Show the usage and limits of one tenant",
  help: () => `Show the usage and limits of one tenant, and where each limit comes from.

Usage: stowage tenant show ID [--json]

Options:
${columns([["--json", "Write JSON"], HELP_ROW])}

Configured limits are read from this environment, which may differ from that of your servers.
`,
  async run(cli, args): Promise<ExitCode> {
    const { values, positionals } = parseCommand("tenant show", args, {}, 1);
    const [given] = positionals;
    if (given === undefined) throw new UsageError("tenant show", "Missing the ID of the tenant");
    const tenant = parseTenant("tenant show", given);
    const config = loadConfig(cli.env);
    const record = await withTenants(cli, config, (records) => records.find(tenant));
    if (values.json) writeJson(cli, tenantToJson(record, config));
    else cli.out(tenantText(record, config));
    return 0;
  },
};

/** Page by page, so that servers can write in between. */
async function readAll(records: TenantRecords): Promise<readonly TenantRecord[]> {
  const found: TenantRecord[] = [];
  for (;;) {
    const after = found.at(-1)?.tenant ?? null;
    const page = await records.list({ limit: PAGE, after });
    found.push(...page);
    if (page.length < PAGE) return found;
  }
}

function writeJson(cli: Cli, value: object): void {
  cli.out(`${JSON.stringify(value, null, 2)}\n`);
}

const COMMANDS: readonly Command[] = [listCommand, showCommand, setTenantCommand];

/** `stowage tenant list|show|set`. */
export const tenantCommand: Command = {
  name: "tenant",
  summary: "Show and set limits of single tenants",
  commands: COMMANDS,
  help: () => `List tenants with their usage, and show or set limits of single tenants.

Usage: stowage tenant <command> [options]

Commands:
${columns(COMMANDS.map((command) => [command.name, command.summary]))}

Limits are stored in the database that DATABASE_URL names. For more: stowage tenant <command> --help
`,
};
