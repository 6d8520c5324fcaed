import { moduleNames } from "./module-names.ts";
import {
  address,
  database,
  driverName,
  jwksUrl,
  mediaTypes,
  oneOf,
  origins,
  signingSecret,
  size,
  storageUris,
  text,
  unstorageDriver,
  whole,
  yesOrNo,
} from "./readers.ts";
import { S3_SETTINGS } from "./s3-settings.ts";
import { type PlacedDefault, setting } from "./setting.ts";

const CLAIM = "the name of a claim, at most 200 characters without spaces";

/** Each takes a process and its memory. */
const MAX_CONCURRENCY = 64;

/** Every variable that is read, in the order of `stowage serve --help`. */
export const SETTINGS = {
  FILE_STORAGE_TYPE: setting("Where files are kept: the driver", "local", driverName),
  FILE_STORAGE_PATH: setting(
    "Base folder, or key prefix in a bucket",
    { words: "./storage/uploads for local, uploads elsewhere" },
    text(1024, "a path without control characters", /./),
  ),
  FILE_STORAGE_FALLBACK: setting(
    "Older storages that are still read from",
    { words: "none" },
    storageUris,
  ),
  ...S3_SETTINGS,
  UNSTORAGE_DRIVER: setting(
    "What unstorage drives: redis?url=redis://localhost",
    { words: "none; unstorage needs one" },
    unstorageDriver,
    true,
  ),
  STOWAGE_DRIVERS: setting("Modules with further drivers", { words: "none" }, moduleNames),
  STOWAGE_PROCESSORS: setting("Modules with further processors", { words: "none" }, moduleNames),
  DATABASE_URL: setting("Where records are kept", "sqlite:./storage/stowage.db", database),
  HOST: setting(
    "Address to listen on",
    {
      words: "127.0.0.1; 0.0.0.0 in production",
      of: (place) => (place.production ? "0.0.0.0" : "127.0.0.1"),
    },
    text(255, "a host name or address", /^[A-Za-z0-9._:%-]+$/),
  ),
  PORT: setting("Port to listen on; 0 takes a free one", "8000", whole(0, 65_535)),
  PUBLIC_URL: setting(
    "Address that links are made from",
    { words: "unset: they begin with a slash" },
    address("https://files.example.com"),
  ),
  TRUST_PROXY: setting(
    "How many proxies in front are believed about who is calling",
    "0",
    whole(0, 10),
  ),
  CORS_ORIGINS: setting("Pages of other origins that may call", { words: "none" }, origins),
  MAX_UPLOAD_BYTES: setting(
    "Largest file accepted",
    {
      words: "5GiB; 100MB on Workers",
      of: (place) => (place.runtime === "workers" ? "100MB" : "5GiB"),
    },
    size(1),
  ),
  ALLOWED_CONTENT_TYPES: setting("Types of files accepted", "*/*", mediaTypes),
  AUTO_PROCESS: setting("Whether an upload is processed at once", "false", yesOrNo),
  QUOTA_BYTES: setting("What one tenant may keep in all", { words: "none" }, size(0)),
  QUOTA_UPLOADS: setting(
    "How many uploads one tenant may keep",
    { words: "none" },
    whole(0, 2 ** 40),
  ),
  RATE_LIMIT_PER_TENANT: setting(
    "Requests of one tenant in a minute",
    { words: "none" },
    whole(1, 10_000_000),
  ),
  RATE_LIMIT_PER_ADDRESS: setting(
    "Requests from one address in a minute",
    { words: "none" },
    whole(1, 10_000_000),
  ),
  UPLOAD_LEASE_SECONDS: setting(
    "How long a silent upload keeps its reservation",
    "60",
    whole(5, 86_400),
  ),
  RECONCILE_INTERVAL_SECONDS: setting(
    "How often leftovers of crashes are looked for",
    "60",
    whole(1, 86_400),
  ),
  MIN_TRANSFER_BYTES_PER_SECOND: setting(
    "Slower clients are cut off; 0 lets them be",
    "1024",
    whole(0, 2 ** 30),
  ),
  MAX_CONNECTIONS: setting(
    "Connections open at once; more are closed without an answer",
    "4096",
    whole(1, 1_000_000),
  ),
  SHUTDOWN_DELAY_SECONDS: setting(
    "How long a stop still takes requests, with readiness 503",
    { words: "0; 3 in production", of: ({ production }) => (production ? "3" : "0") },
    whole(0, 3600),
  ),
  SHUTDOWN_GRACE_SECONDS: setting(
    "How long requests in flight may go on at a stop",
    "20",
    whole(0, 3600),
  ),
  PROCESSING_CONCURRENCY: setting(
    "Documents processed at once",
    { words: "one for each core", of: ({ cores }) => String(Math.min(cores, MAX_CONCURRENCY)) },
    whole(1, MAX_CONCURRENCY),
  ),
  PROCESSING_MAX_ATTEMPTS: setting("Tries before a document counts as failed", "3", whole(1, 20)),
  PROCESSING_LEASE_SECONDS: setting(
    "How long a job of a process that died waits for another",
    "30",
    whole(1, 3600),
  ),
  PROCESSING_TIMEOUT_SECONDS: setting(
    "Time for a large document, a quarter of it processor time; small ones get less",
    "18",
    whole(1, 3600),
  ),
  PROCESSING_MEMORY_BYTES: setting("Memory for one document", "512MiB", size(64 * 2 ** 20)),
  PROCESSING_MAX_TEXT_BYTES: setting("Text kept of one document", "8MiB", size(1024)),
  AUTH_JWT_SECRET: setting(
    "Secret of HS256 tokens; or use AUTH_JWKS_URL",
    { words: "none" },
    signingSecret,
    true,
  ),
  AUTH_JWKS_URL: setting(
    "Key set of RS, ES or EdDSA tokens; needs issuer and audience",
    { words: "none" },
    jwksUrl,
  ),
  AUTH_JWT_ISSUER: setting("Required issuer of tokens", { words: "any" }, text(500, "an issuer")),
  AUTH_JWT_AUDIENCE: setting(
    "Required audience of tokens",
    { words: "any" },
    text(500, "an audience"),
  ),
  AUTH_TENANT_CLAIM: setting("Claim that names the tenant", "tenant_id", text(200, CLAIM, /^\S+$/)),
  AUTH_OPERATOR_CLAIM: setting(
    "Claim that makes an operator where it is true",
    { words: "none" },
    text(200, CLAIM, /^\S+$/),
  ),
  LOG_LEVEL: setting("Least level that is logged", "info", oneOf("debug", "info", "warn", "error")),
  LOG_FORMAT: setting(
    "How log lines look",
    {
      words: "pretty on a terminal outside production, else json",
      of: (place) => (place.terminal && !place.production ? "pretty" : "json"),
    },
    oneOf("json", "pretty"),
  ),
  NODE_ENV: setting(
    "production makes defaults strict",
    { words: "unset" },
    text(100, "a word like production or development"),
  ),
};

export type SettingName = keyof typeof SETTINGS;

type ValueOf<S> = S extends { schema: { _output: infer T }; default: infer D }
  ? D extends string | PlacedDefault
    ? T
    : T | null
  : never;

/** What was read: `null` where nothing is set and there is no default. */
export type Values = { readonly [Name in SettingName]: ValueOf<(typeof SETTINGS)[Name]> };
