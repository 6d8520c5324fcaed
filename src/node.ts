import { availableParallelism } from "node:os";
/**
 * Stowage as a library on Node: the whole service, without its own server.
 *
 * @module stowage/node
 */

import { randomFillSync } from "node:crypto";
import process from "node:process";
import { hasher } from "./adapters/hasher.ts";
import { createLogger } from "./adapters/log/logger.ts";
import { type Config, loadConfig } from "./config.ts";
import { StowageError } from "./domain/errors.ts";
import type { Authenticate } from "./domain/ports/authenticator.ts";
import { type Logger, SILENT } from "./domain/ports/logger.ts";
import type { DriverContext, DriverDefinition } from "./domain/ports/storage-driver.ts";
import { requireCredentials } from "./runtime/credentials.ts";
import type { GivenProcessor } from "./runtime/extraction/node-extractor.ts";
import { createNodeFetch } from "./runtime/fetch/node-fetch.ts";
import { createNodeHost } from "./runtime/host-node.ts";
import { openNodeParts } from "./runtime/node-parts.ts";
import { nodePeerAddress } from "./runtime/server/incoming.ts";
import { bodyAtMinimumRate } from "./runtime/server/minimum-transfer-rate.ts";
import { packageVersion } from "./runtime/version.ts";
import { createStowage as createCore, type Stowage } from "./stowage.ts";

export { ConfigError, type ConfigProblem } from "./config.ts";
export { type ErrorCode, isStowageError, StowageError } from "./domain/errors.ts";
export type { Authenticate, Caller } from "./domain/ports/authenticator.ts";
export { type Logger, SILENT } from "./domain/ports/logger.ts";
export type { Processor } from "./domain/ports/processor.ts";
export { type Principal, SCOPES, type Scope } from "./domain/principal.ts";
export { parseTenantId, type TenantId } from "./domain/tenant.ts";
export type { Upload, UploadStatus } from "./domain/upload.ts";
export {
  type ProcessDocumentOptions,
  processDocument,
} from "./runtime/extraction/process-document.ts";
export type { Stowage } from "./stowage.ts";

/** Options of {@link createStowage}. Everything has a default. */
export interface StowageOptions {
  /** The settings that `stowage serve` reads from the environment. Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Drivers besides the built-in ones and those that `STOWAGE_DRIVERS` names. */
  readonly drivers?: readonly DriverDefinition[];
  /**
   * Processors besides the built-in ones and those that `STOWAGE_PROCESSORS` names.
   *
   * A module (its package name, path or `file:` URL) is loaded and run in separate processes, under limits. A result of
   * `defineProcessor` runs in this process with all its permissions, and only its time is limited: a processor that
   * hangs or uses up the memory brings the application down.
   */
  readonly processors?: readonly GivenProcessor[];
  /** Identifies callers, instead of JSON Web Tokens and API keys: `{ tenant: "acme" }`, or `null`. */
  readonly authenticate?: Authenticate;
  /**
   * Where the application mounts the service, such as `/files`. Links begin with it; request paths may begin with it or
   * not. If `PUBLIC_URL` is set, links begin with that instead: `https://example.com/files`.
   */
  readonly basePath?: string;
  /** Receives log events; `SILENT` discards them. Default: standard error, with `LOG_LEVEL` and `LOG_FORMAT`. */
  readonly logger?: Logger;
}

/**
 * Open storages, records and processors, and create the service.
 *
 * `fetch` answers requests: mount it in any server. `start()` starts the background work (processing, cleaning up after
 * crashes, checking the storages); an application that only reads does not need it. `close()` stops that work and
 * closes everything: call it once all requests have finished.
 *
 * @example
 * ```ts
 * import { createStowage } from "stowage/node";
 *
 * const stowage = await createStowage({
 *   env: { FILE_STORAGE_PATH: "./files", DATABASE_URL: "sqlite:./files.db" },
 *   async authenticate(request) {
 *     const user = request.headers.get("x-user");
 *     return user === null ? null : { tenant: user };
 *   },
 * });
 * stowage.start();
 * const response = await stowage.fetch(
 *   new Request("http://localhost/api/v1/upload/hello.txt", {
 *     method: "PUT",
 *     headers: { "x-user": "acme" },
 *     body: "Hello",
 *   }),
 * );
 * console.log(response.status); // 201
 * await stowage.close();
 * ```
 *
 * @throws {ConfigError} With every invalid setting, and every driver and processor that cannot be loaded. In
 *   production also if there is no credential.
 * @throws {StowageError} If a storage or the database cannot be opened. Everything opened so far is closed again.
 */
export async function createStowage(options: StowageOptions = {}): Promise<Stowage> {
  const { env = process.env, drivers = [], processors = [], authenticate } = options;
  const basePath = options.basePath === undefined ? undefined : parseBasePath(options.basePath);
  const config = loadConfig(env, { cores: availableParallelism() });
  const logger = options.logger ?? standardErrorLogger(config);
  for (const warning of config.warnings) logger.warn("config.warning", { warning });
  const parts = await openNodeParts(config, logger, { drivers, processors, env });
  try {
    if (authenticate === undefined && config.production) {
      await requireCredentials(config, parts.keys, parts.clock);
    }
    const stowage = await createCore(config, {
      ...parts,
      version: packageVersion(),
      peerAddress: nodePeerAddress,
      // Servers limit the time of whole requests, if any, and cannot set a minimum rate.
      requestBody: (_env, { body }) =>
        body &&
        bodyAtMinimumRate(
          () => body[Symbol.asyncIterator](),
          config.server.minTransferBytesPerSecond,
        ),
      authenticate,
      basePath,
    });
    let closing: Promise<void> | null = null;
    return {
      ...stowage,
      close() {
        closing ??= stowage.close().finally(() => parts.close());
        return closing;
      },
    };
  } catch (error) {
    await parts.close();
    throw error;
  }
}

/**
 * The context of a driver on Node: for tests of drivers, and for using a driver without the service.
 *
 * @param changes Replacements for tests: a fixed clock, a `fetch` that fails.
 * @example
 * ```ts
 * const storage = await acme.open({ path: "reels" }, driverContext());
 * ```
 */
export function driverContext(changes: Partial<DriverContext> = {}): DriverContext {
  const host = changes.host ?? createNodeHost();
  return {
    fetch: createNodeFetch({ env: host.env }).fetch,
    now: () => Date.now(),
    random: (bytes) => randomFillSync(bytes),
    logger: SILENT,
    hash: hasher,
    host,
    ...changes,
  };
}

/** @returns The path without a slash at its end; empty for the root. */
function parseBasePath(path: string): string {
  const trimmed = path.replace(/\/+$/, "");
  if (/^(?:\/[A-Za-z0-9._~-]+)*$/.test(trimmed) && !/\/\.\.?(?:\/|$)/.test(trimmed)) return trimmed;
  throw new StowageError(
    "invalid_config",
    `Cannot mount at ${JSON.stringify(path)}: expected a path such as /files, of A-Z a-z 0-9 . _ ~ - and slashes`,
  );
}

function standardErrorLogger({ log: { level, format } }: Config): Logger {
  return createLogger({ level, format, write: (line) => void process.stderr.write(`${line}\n`) });
}
