import type { Reader } from "../config/readers.ts";
import { SETTINGS } from "../config/settings.ts";
import { loadConfig } from "../config.ts";
import type { TenantChanges, TenantLimits } from "../domain/tenant-limits.ts";
import { type Command, type ExitCode, parseCommand, UsageError } from "./command.ts";
import { columns, HELP_ROW } from "./help.ts";
import { parseTenant } from "./keys.ts";
import { LIMIT_NAMES, LIMITS, tenantText, tenantToJson, withTenants } from "./tenants.ts";

const NAME = "tenant set";

/** The placeholder of each option's value, for the help. */
const VALUES: Readonly<Record<keyof TenantLimits, string>> = {
  maxUploadBytes: "SIZE",
  quotaBytes: "SIZE",
  quotaUploads: "N",
  allowedContentTypes: "LIST",
  autoProcess: "BOOL",
  requestsPerMinute: "N",
};

/** Limits that can be `none`. */
const MAY_BE_NONE: readonly (keyof TenantLimits)[] = [
  "quotaBytes",
  "quotaUploads",
  "requestsPerMinute",
];

/** `stowage tenant set`: every running server applies it within two seconds. */
export const setTenantCommand: Command = {
  name: "set",
  summary: "Set limits of one tenant",
  help: () => `Set limits of one tenant, which override the configuration. Running servers apply them within two seconds.

Usage: stowage tenant set ID [options]

Options:
${columns([
  ...LIMIT_NAMES.map(
    (name) => [`--${LIMITS[name].option} ${VALUES[name]}`, aboutOf(name)] as const,
  ),
  ["--json", "Write JSON"],
  HELP_ROW,
])}

Use default as the value to return to the configured limit, and none for no limit. The tenant does not need to
have uploads yet.

Example:
  stowage tenant set acme --quota 10GiB --types "application/pdf, image/*" --rate default
`,

  async run(cli, args): Promise<ExitCode> {
    const options = Object.fromEntries(
      LIMIT_NAMES.map((name) => [LIMITS[name].option, { type: "string" as const }]),
    );
    const { values, positionals } = parseCommand(NAME, args, options, 1);
    const [given] = positionals;
    if (given === undefined) throw new UsageError(NAME, "Missing the ID of the tenant");
    const tenant = parseTenant(NAME, given);
    const changes = changesOf(values);
    const config = loadConfig(cli.env);
    if (config.database.path === ":memory:") {
      throw new UsageError(NAME, "Cannot store a limit: DATABASE_URL names a database in memory");
    }
    const record = await withTenants(cli, config, async (tenants) => {
      await tenants.set(tenant, changes);
      return await tenants.find(tenant);
    });
    if (values["json"] === true) {
      cli.out(`${JSON.stringify(tenantToJson(record, config), null, 2)}\n`);
    } else cli.out(tenantText(record, config));
    return 0;
  },
};

function aboutOf(name: keyof TenantLimits): string {
  const { about, variable } = LIMITS[name];
  return `${about}${MAY_BE_NONE.includes(name) ? ", or none" : ""} (${variable})`;
}

function changesOf(values: Readonly<Record<string, unknown>>): TenantChanges {
  const entries = LIMIT_NAMES.flatMap((name) => {
    const text = values[LIMITS[name].option];
    return typeof text === "string" ? [[name, readValue(name, text.trim())] as const] : [];
  });
  if (entries.length > 0) return Object.fromEntries(entries);
  const options = LIMIT_NAMES.map((name) => `--${LIMITS[name].option}`).join(", ");
  throw new UsageError(NAME, `Nothing to set: give at least one of ${options}`);
}

/** Read as the setting for all tenants is read; `undefined` for `default`. */
function readValue(name: keyof TenantLimits, text: string): unknown {
  if (text === "default") return undefined;
  if (text === "none" && MAY_BE_NONE.includes(name)) return null;
  const { option, variable } = LIMITS[name];
  const { schema, expected }: Reader<unknown> = SETTINGS[variable];
  const read = schema.safeParse(text);
  if (read.success) return read.data;
  const words = MAY_BE_NONE.includes(name) ? "none, or default" : "or default";
  throw new UsageError(
    NAME,
    `--${option} takes ${expected}, ${words}; read ${JSON.stringify(text)}`,
  );
}
