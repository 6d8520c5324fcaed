import { loadConfig } from "../config.ts";
import type { TenantRecord, TenantRecords } from "../domain/ports/tenants.ts";
import { type Cli, type Command, type ExitCode, parseCommand, UsageError } from "./command.ts";
import { columns, HELP_ROW } from "./help.ts";
import { parseTenant } from "./keys.ts";
import { table } from "./table.ts";
import { setTenantCommand } from "./tenant-set.ts";
import { TENANT_HEADING, tenantRow, tenantText, tenantToJson, withTenants } from "./tenants.ts";

/** How many are read at once. */
const PAGE = 500;

const listCommand: Command = {
  name: "list",
  summary: "List tenants, what they keep and what they may",
  help: () => `List the tenants that have uploads, or of whom something was said, by name.

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
  summary: "Show what applies to one tenant, and who said so",
  help: () => `Show what one tenant keeps, what applies to it, and where each of that comes from.

Usage: stowage tenant show ID [--json]

Options:
${columns([["--json", "Write JSON"], HELP_ROW])}

What the configuration says is read from this environment: servers may have another.
`,
  async run(cli, args): Promise<ExitCode> {
    const { values, positionals } = parseCommand("tenant show", args, {}, 1);
    const [given] = positionals;
    if (given === undefined) throw new UsageError("tenant show", "Which tenant? Give its ID");
    const tenant = parseTenant("tenant show", given);
    const config = loadConfig(cli.env);
    const record = await withTenants(cli, config, (records) => records.find(tenant));
    if (values.json) writeJson(cli, tenantToJson(record, config));
    else cli.out(tenantText(record, config));
    return 0;
  },
};

/** Page by page, so that servers may write in between. */
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
  summary: "Limits of single tenants, and what they keep",
  commands: COMMANDS,
  help: () => `List tenants and what they keep, and say what applies to single ones.

Usage: stowage tenant <command> [options]

Commands:
${columns(COMMANDS.map((command) => [command.name, command.summary]))}

What is said is kept where DATABASE_URL says; stowage tenant <command> --help tells more.
`,
};
