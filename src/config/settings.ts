import { DEFAULT_MAX_TEXT_BYTES } from "../domain/ports/processor.ts";
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

/** Each needs a process and its memory. */
const MAX_CONCURRENCY = 64;

/** All settings, in the order of `stowage serve --help`. */
export const SETTINGS = {
  FILE_STORAGE_TYPE: setting("Storage driver for files", "local", driverName),
  FILE_STORAGE_PATH: setting(
    "Base folder, or key prefix in a bucket",
    { words: "./storage/uploads for local, uploads elsewhere" },
    text(1024, "a path without control characters", /./),
  ),
  FILE_STORAGE_FALLBACK: setting(
    "Older storages to keep reading from",
    { words: "none" },
    storageUris,
  ),
  ...S3_SETTINGS,
  UNSTORAGE_DRIVER: setting(
    "Driver of unstorage, like redis?url=redis://localhost",
    { words: "none; unstorage needs one" },
    unstorageDriver,
    true,
  ),
  STOWAGE_DRIVERS: setting("Modules with more drivers", { words: "none" }, moduleNames),
  STOWAGE_PROCESSORS: setting("Modules with more processors", { words: "none" }, moduleNames),
  DATABASE_URL: setting("Database for records", "sqlite:./storage/stowage.db", database),
  HOST: setting(
    "Address to listen on",
    {
      words: "127.0.0.1; 0.0.0.0 in production",
      of: (place) => (place.production ? "0.0.0.0" : "127.0.0.1"),
    },
    text(255, "a host name or address", /^[A-Za-z0-9._:%-]+$/),
  ),
  PORT: setting("Port to listen on; 0 picks a free one", "8000", whole(0, 65_535)),
  PUBLIC_URL: setting(
    "Base URL of links",
    { words: "unset: links begin with a slash" },
    address("https://files.example.com"),
  ),
  TRUST_PROXY: setting(
    "Number of proxies in front that may report the caller's address",
    "0",
    whole(0, 10),
  ),
  CORS_ORIGINS: setting("Origins whose pages may call the API", { words: "none" }, origins),
  MAX_UPLOAD_BYTES: setting(
    "Largest file accepted",
    {
      words: "5GiB; 100MB on Workers",
      of: (place) => (place.runtime === "workers" ? "100MB" : "5GiB"),
    },
    size(1),
  ),
  ALLOWED_CONTENT_TYPES: setting("Accepted file types", "*/*", mediaTypes),
  AUTO_PROCESS: setting("Whether uploads are processed at once", "false", yesOrNo),
  QUOTA_BYTES: setting("Total size of one tenant's uploads", { words: "none" }, size(0)),
  QUOTA_UPLOADS: setting("Number of one tenant's uploads", { words: "none" }, whole(0, 2 ** 40)),
  RATE_LIMIT_PER_TENANT: setting(
    "Requests per minute of one tenant",
    { words: "none" },
    whole(1, 10_000_000),
  ),
  RATE_LIMIT_PER_ADDRESS: setting(
    "Requests per minute from one address",
    { words: "none" },
    whole(1, 10_000_000),
  ),
  UPLOAD_LEASE_SECONDS: setting(
    "Time without data after which an upload loses its reservation",
    "60",
    whole(5, 86_400),
  ),
  RECONCILE_INTERVAL_SECONDS: setting(
    "How often leftovers of crashes are removed",
    "60",
    whole(1, 86_400),
  ),
  MIN_TRANSFER_BYTES_PER_SECOND: setting(
    "Minimum rate; slower clients are disconnected; 0 for no minimum",
    "1024",
    whole(0, 2 ** 30),
  ),
  MAX_CONNECTIONS: setting(
    "Open connections; more are closed without a response",
    "4096",
    whole(1, 1_000_000),
  ),
  SHUTDOWN_DELAY_SECONDS: setting(
    "On shutdown, how long requests are accepted with readiness 503",
    { words: "0; 3 in production", of: ({ production }) => (production ? "3" : "0") },
    whole(0, 3600),
  ),
  SHUTDOWN_GRACE_SECONDS: setting(
    "On shutdown, how long requests in flight may take to finish",
    "20",
    whole(0, 3600),
  ),
  PROCESSING_CONCURRENCY: setting(
    "Documents processed at once",
    { words: "one per core", of: ({ cores }) => String(Math.min(cores, MAX_CONCURRENCY)) },
    whole(1, MAX_CONCURRENCY),
  ),
  PROCESSING_MAX_ATTEMPTS: setting(
    "Attempts before a document counts as failed",
    "3",
    whole(1, 20),
  ),
  PROCESSING_LEASE_SECONDS: setting(
    "Time after which another process takes a crashed one's job",
    "30",
    whole(1, 3600),
  ),
  PROCESSING_TIMEOUT_SECONDS: setting(
    "Time for a large document, at most a quarter of it CPU; small ones get less",
    "18",
    whole(1, 3600),
  ),
  PROCESSING_MEMORY_BYTES: setting("Memory for one document", "512MiB", size(64 * 2 ** 20)),
  PROCESSING_MAX_TEXT_BYTES: setting(
    "Largest text stored for one document",
    `${DEFAULT_MAX_TEXT_BYTES / 2 ** 20}MiB`,
    size(1024),
  ),
  AUTH_JWT_SECRET: setting(
    "Secret for HS256 tokens; or use AUTH_JWKS_URL",
    { words: "none" },
    signingSecret,
    true,
  ),
  AUTH_JWKS_URL: setting(
    "Key set for RS, ES or EdDSA tokens; needs issuer and audience",
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
    "Claim that marks an operator when it is true",
    { words: "none" },
    text(200, CLAIM, /^\S+$/),
  ),
  LOG_LEVEL: setting(
    "Lowest level that is logged",
    "info",
    oneOf("debug", "info", "warn", "error"),
  ),
  LOG_FORMAT: setting(
    "Format of log lines",
    {
      words: "pretty on a terminal outside production, otherwise json",
      of: (place) => (place.terminal && !place.production ? "pretty" : "json"),
    },
    oneOf("json", "pretty"),
  ),
  NODE_ENV: setting(
    "production: stricter defaults",
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

/** The values: `null` where nothing is set and there is no default. */
export type Values = { readonly [Name in SettingName]: ValueOf<(typeof SETTINGS)[Name]> };
