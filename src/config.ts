import { mask } from "./config/mask.ts";
import type { ConfigProblem, Env } from "./config/problem.ts";
import { defaultText, describeDefault, type Place, type Setting } from "./config/setting.ts";
import { SETTINGS, type SettingName, type Values } from "./config/settings.ts";
import { primaryStorage, s3Problems, usesS3 } from "./config/storage.ts";
import { warningsOf, withHint } from "./config/warnings.ts";
import { StowageError } from "./domain/errors.ts";
import type { StorageUri } from "./domain/storage-uri.ts";

export type { ConfigProblem } from "./config/problem.ts";

/** How tokens are verified: with a shared secret (HS256) or with published keys. */
export type JwtConfig = (
  | { readonly kind: "secret"; readonly secret: string }
  | { readonly kind: "jwks"; readonly url: string }
) & {
  /** Both are set when tokens are verified with a key set. */
  readonly issuer: string | null;
  readonly audience: string | null;
  readonly tenantClaim: string;
  readonly operatorClaim: string | null;
};

/** All settings from the environment. Deeply frozen. */
export interface Config {
  readonly production: boolean;
  readonly storage: {
    /** Where new files go. */
    readonly primary: StorageUri;
    /** Older storages, still read from. */
    readonly fallbacks: readonly StorageUri[];
  };
  /** Modules with further drivers, as configured. */
  readonly drivers: readonly string[];
  /** Modules with further processors, as configured. */
  readonly processors: readonly string[];
  readonly database: { readonly kind: "sqlite"; readonly path: string };
  readonly server: {
    readonly host: string;
    /** 0 takes any free port. */
    readonly port: number;
    /** Without a trailing slash; `null`: links have no host. */
    readonly publicUrl: string | null;
    /** How many proxies in front are trusted to report the caller's address; 0: none. */
    readonly trustProxy: number;
    /** Origins whose pages may call the API, or `*`; empty: none. */
    readonly corsOrigins: readonly string[];
    /** Requests per minute; `null`: no limit. The tenant limit can be overridden for single tenants. */
    readonly requestsPerMinute: {
      readonly tenant: number | null;
      readonly address: number | null;
    };
    /** For uploads and downloads; 0: no minimum. */
    readonly minTransferBytesPerSecond: number;
    /** How many connections may be open at once. */
    readonly maxConnections: number;
    /** From the moment readiness answers 503 until the listener closes. */
    readonly shutdownDelaySeconds: number;
    readonly shutdownGraceSeconds: number;
  };
  readonly uploads: {
    readonly maxBytes: number;
    /** Patterns for `matchesMediaType`. */
    readonly allowedContentTypes: readonly string[];
    readonly autoProcess: boolean;
    /** Limits of one tenant; `null`: no limit. */
    readonly quotaBytes: number | null;
    readonly quotaUploads: number | null;
    readonly leaseSeconds: number;
    readonly reconcileIntervalSeconds: number;
  };
  readonly processing: {
    readonly concurrency: number;
    readonly maxAttempts: number;
    readonly leaseSeconds: number;
    readonly timeoutSeconds: number;
    readonly memoryBytes: number;
    readonly maxTextBytes: number;
  };
  readonly auth: { readonly jwt: JwtConfig | null };
  readonly log: {
    readonly level: "debug" | "info" | "warn" | "error";
    readonly format: "json" | "pretty";
  };
  /** Warnings about settings that are valid but probably mistakes. Logged once. */
  readonly warnings: readonly string[];
}

/** Settings are wrong; `problems` and the message list them all. */
export class ConfigError extends StowageError {
  readonly problems: readonly ConfigProblem[];
  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(
      (problem) => `\n  ${problem.variable}: read ${problem.read}, expected ${problem.expected}`,
    );
    const count = problems.length === 1 ? "1 setting is" : `${problems.length} settings are`;
    super("invalid_config", `Cannot use configuration: ${count} wrong${lines.join("")}`);
    this.problems = problems;
  }
}

/**
 * Read the configuration. An empty variable counts as unset.
 *
 * @param defaults What the runtime knows. `production` overrides `NODE_ENV`; Workers are always production.
 * @throws {ConfigError} Listing every problem.
 */
export function loadConfig(env: Env, defaults: Partial<Place> = {}): Config {
  const runtime = defaults.runtime ?? "node";
  const production =
    defaults.production ?? (runtime === "workers" || env["NODE_ENV"]?.trim() === "production");
  const { cores = 1, terminal = false } = defaults;
  const place: Place = { runtime, production, cores, terminal };
  const found: ConfigProblem[] = [];
  const values = readValues(env, place, found);
  const primary = primaryStorage(values, found);
  found.push(...s3Problems(env, values));
  const jwt = jwtConfig(values, found);
  if (runtime === "workers") found.push(...modulesOnWorkers(values));
  const problems = found
    .filter((problem) => concerns(problem.variable, values))
    .map((problem) => withHint(problem, env, values));
  if (problems.length > 0) throw new ConfigError(problems);
  return deepFreeze({
    production,
    storage: { primary, fallbacks: values.FILE_STORAGE_FALLBACK ?? [] },
    drivers: values.STOWAGE_DRIVERS ?? [],
    processors: values.STOWAGE_PROCESSORS ?? [],
    database: values.DATABASE_URL,
    server: serverConfig(values),
    uploads: uploadsConfig(values),
    processing: processingConfig(values),
    auth: { jwt },
    log: { level: values.LOG_LEVEL, format: values.LOG_FORMAT },
    warnings: warningsOf(env, values, production),
  });
}

function serverConfig(values: Values): Config["server"] {
  return {
    host: values.HOST,
    port: values.PORT,
    publicUrl: values.PUBLIC_URL,
    trustProxy: values.TRUST_PROXY,
    corsOrigins: values.CORS_ORIGINS ?? [],
    requestsPerMinute: {
      tenant: values.RATE_LIMIT_PER_TENANT,
      address: values.RATE_LIMIT_PER_ADDRESS,
    },
    minTransferBytesPerSecond: values.MIN_TRANSFER_BYTES_PER_SECOND,
    maxConnections: values.MAX_CONNECTIONS,
    shutdownDelaySeconds: values.SHUTDOWN_DELAY_SECONDS,
    shutdownGraceSeconds: values.SHUTDOWN_GRACE_SECONDS,
  };
}

function uploadsConfig(values: Values): Config["uploads"] {
  return {
    maxBytes: values.MAX_UPLOAD_BYTES,
    allowedContentTypes: values.ALLOWED_CONTENT_TYPES,
    autoProcess: values.AUTO_PROCESS,
    quotaBytes: values.QUOTA_BYTES,
    quotaUploads: values.QUOTA_UPLOADS,
    leaseSeconds: values.UPLOAD_LEASE_SECONDS,
    reconcileIntervalSeconds: values.RECONCILE_INTERVAL_SECONDS,
  };
}

function processingConfig(values: Values): Config["processing"] {
  return {
    concurrency: values.PROCESSING_CONCURRENCY,
    maxAttempts: values.PROCESSING_MAX_ATTEMPTS,
    leaseSeconds: values.PROCESSING_LEASE_SECONDS,
    timeoutSeconds: values.PROCESSING_TIMEOUT_SECONDS,
    memoryBytes: values.PROCESSING_MEMORY_BYTES,
    maxTextBytes: values.PROCESSING_MAX_TEXT_BYTES,
  };
}

/** An invalid variable reads as `null`: the caller throws before it is used. */
function readValues(env: Env, place: Place, problems: ConfigProblem[]): Values {
  const entries = Object.entries(SETTINGS).map(([variable, setting]: [string, Setting]) => {
    const given = env[variable]?.trim() || null;
    const text = given ?? defaultText(setting, place);
    if (text === null) return [variable, null];
    const result = setting.schema.safeParse(text);
    if (result.success) return [variable, result.data];
    if (isNone(text, setting)) return [variable, null];
    const read = mask(text, setting.secret === true);
    problems.push({ variable, read, expected: setting.hint?.(text) ?? setting.expected });
    return [variable, null];
  });
  return Object.fromEntries(entries) as Values;
}

/** `none` counts as unset where the help shows it as the default, except for secrets. */
function isNone(text: string, setting: Setting): boolean {
  return text.toLowerCase() === "none" && describeDefault(setting) === "none" && !setting.secret;
}

/** AWS variables may be set for other programs: without an S3 storage they are not checked. */
function concerns(variable: string, values: Values): boolean {
  const setting: Setting | undefined = SETTINGS[variable as SettingName];
  return setting?.only !== "s3" || usesS3(values);
}

/** A Worker is one bundle: it cannot load modules at run time. */
function modulesOnWorkers(values: Values): ConfigProblem[] {
  const advice = {
    STOWAGE_DRIVERS: "import the driver and pass it to createStowage({ drivers })",
    STOWAGE_PROCESSORS: "Workers do not process files yet",
  };
  return (["STOWAGE_DRIVERS", "STOWAGE_PROCESSORS"] as const).flatMap((variable) => {
    const names = values[variable];
    if (names === null) return [];
    const expected = `nothing on Workers: ${advice[variable]}`;
    return [{ variable, read: mask(String(names), false), expected }];
  });
}

function jwtConfig(values: Values, problems: ConfigProblem[]): JwtConfig | null {
  const need = (variable: SettingName, expected: string) => {
    const reported = problems.some((problem) => problem.variable === variable);
    if (!reported) problems.push({ variable, read: "nothing", expected });
  };
  const { AUTH_JWT_SECRET: secret, AUTH_JWKS_URL: url } = values;
  if (secret !== null && url !== null) {
    const expected = "nothing, as AUTH_JWT_SECRET is set: set one or the other";
    problems.push({ variable: "AUTH_JWKS_URL", read: mask(url, false), expected });
  }
  if (url !== null) {
    if (values.AUTH_JWT_ISSUER === null)
      need("AUTH_JWT_ISSUER", "the issuer, as AUTH_JWKS_URL is set");
    if (values.AUTH_JWT_AUDIENCE === null)
      need("AUTH_JWT_AUDIENCE", "the audience, as AUTH_JWKS_URL is set");
  }
  const common = {
    issuer: values.AUTH_JWT_ISSUER,
    audience: values.AUTH_JWT_AUDIENCE,
    tenantClaim: values.AUTH_TENANT_CLAIM,
    operatorClaim: values.AUTH_OPERATOR_CLAIM,
  };
  if (common.operatorClaim !== null && common.operatorClaim === common.tenantClaim) {
    const read = mask(common.operatorClaim, false);
    const expected = "a claim other than AUTH_TENANT_CLAIM";
    problems.push({ variable: "AUTH_OPERATOR_CLAIM", read, expected });
  }
  if (url !== null) return { kind: "jwks", url, ...common };
  return secret === null ? null : { kind: "secret", secret, ...common };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
