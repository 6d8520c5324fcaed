import type { SettingName } from "../config/settings.ts";
import { configuredLimits } from "../config/tenant-limits.ts";
import type { Config } from "../config.ts";
import type { TenantRecord, TenantRecords } from "../domain/ports/tenants.ts";
import { limitsWith, type TenantLimits } from "../domain/tenant-limits.ts";
import type { Cli } from "./command.ts";
import { formatCountOf, formatSize, table } from "./format.ts";

/** One limit on the command line. */
interface LimitWords<Value> {
  readonly about: string;
  /** The option of `stowage tenant set`. */
  readonly option: string;
  /** The setting for tenants without a limit of their own. */
  readonly variable: SettingName;
  readonly json: string;
  text(value: Value): string;
}

const orNone =
  (text: (value: number) => string) =>
  (value: number | null): string =>
    value === null ? "none" : text(value);

/** Every limit, in the order in which they are shown. */
export const LIMITS: { readonly [Name in keyof TenantLimits]: LimitWords<TenantLimits[Name]> } = {
  maxUploadBytes: {
    about: "Largest file accepted",
    option: "max-upload",
    variable: "MAX_UPLOAD_BYTES",
    json: "max_upload_bytes",
    text: formatSize,
  },
  quotaBytes: {
    about: "Total size of its uploads",
    option: "quota",
    variable: "QUOTA_BYTES",
    json: "quota_bytes",
    text: orNone(formatSize),
  },
  quotaUploads: {
    about: "Number of its uploads",
    option: "quota-uploads",
    variable: "QUOTA_UPLOADS",
    json: "quota_uploads",
    text: orNone(String),
  },
  allowedContentTypes: {
    about: "Accepted file types",
    option: "types",
    variable: "ALLOWED_CONTENT_TYPES",
    json: "allowed_content_types",
    text: (types) => types.join(", "),
  },
  autoProcess: {
    about: "Whether uploads are processed at once",
    option: "auto-process",
    variable: "AUTO_PROCESS",
    json: "auto_process",
    text: String,
  },
  requestsPerMinute: {
    about: "Requests per minute",
    option: "rate",
    variable: "RATE_LIMIT_PER_TENANT",
    json: "requests_per_minute",
    text: orNone(String),
  },
};

export const LIMIT_NAMES = Object.keys(LIMITS) as (keyof TenantLimits)[];

/** Open the records of tenants, use them, and close them. */
export async function withTenants<T>(
  cli: Cli,
  config: Config,
  use: (tenants: TenantRecords) => Promise<T>,
): Promise<T> {
  const opened = await (await cli.runtime()).openTenantRecords(config);
  try {
    return await use(opened.tenants);
  } finally {
    await opened.close();
  }
}

/** A tenant as JSON: its limits, and which of them are its own. */
export function tenantToJson(
  { tenant, usage, overrides }: TenantRecord,
  config: Config,
): Readonly<Record<string, unknown>> {
  const limits = limitsWith(configuredLimits(config), overrides);
  return {
    tenant,
    usage: { bytes: usage.bytes, uploads: usage.uploads },
    limits: Object.fromEntries(LIMIT_NAMES.map((name) => [LIMITS[name].json, limits[name]])),
    overridden: LIMIT_NAMES.filter((name) => name in overrides).map((name) => LIMITS[name].json),
  };
}

/** A tenant as text. */
export function tenantText({ tenant, usage, overrides }: TenantRecord, config: Config): string {
  const limits = limitsWith(configuredLimits(config), overrides);
  const rows = LIMIT_NAMES.map((name) => {
    const words: LimitWords<never> = LIMITS[name];
    return [
      words.about,
      words.text(limits[name] as never),
      name in overrides ? "this tenant" : `configuration (${words.variable})`,
    ];
  });
  const kept = formatCountOf(usage.uploads, "upload");
  return `Tenant ${tenant} has ${kept}, ${formatSize(usage.bytes)}\n\n${table([["LIMIT", "VALUE", "FROM"], ...rows])}`;
}

/** The heading of {@link tenantRow}. */
export const TENANT_HEADING = ["TENANT", "UPLOADS", "LIMIT", "SIZE", "QUOTA", "OWN LIMITS"];

/** A tenant as one line of a table. */
export function tenantRow({ tenant, usage, overrides }: TenantRecord, config: Config): string[] {
  const { quotaBytes, quotaUploads } = limitsWith(configuredLimits(config), overrides);
  return [
    tenant,
    String(usage.uploads),
    LIMITS.quotaUploads.text(quotaUploads),
    formatSize(usage.bytes),
    LIMITS.quotaBytes.text(quotaBytes),
    LIMIT_NAMES.filter((name) => name in overrides)
      .map((name) => LIMITS[name].option)
      .join(", ") || "-",
  ];
}
