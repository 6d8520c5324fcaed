import { availableParallelism } from "node:os";
/**
 * Stowage on Node, as a library: the whole service without a server of its own.
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

/** What an application may decide about its Stowage. Everything has a default. */
export interface StowageOptions {
  /** The settings: what `stowage serve` reads from the environment. Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Drivers besides the built-in ones and those that `STOWAGE_DRIVERS` names. */
  readonly drivers?: readonly DriverDefinition[];
  /**
   * Processors besides the built-in ones and those that `STOWAGE_PROCESSORS` names.
   *
   * A module, named by its package, path or `file:` URL, is loaded and run in processes of its own, under
   * limits. What `defineProcessor` made runs right here, with all that this application may do, and only its
   * time is limited: one that hangs or takes all memory takes the application with it.
   */
  readonly processors?: readonly GivenProcessor[];
  /** Who is calling, instead of JSON Web Tokens and API keys: `{ tenant: "acme" }`, or `null`. */
  readonly authenticate?: Authenticate;
  /**
   * Where the application mounts the service, such as `/files`: links begin with it. Requests may come with it
   * in front or without. With `PUBLIC_URL`, links begin with that instead: `https://example.com/files`.
   */
  readonly basePath?: string;
  /** Where events are told; `SILENT` tells nobody. Default: standard error, by `LOG_LEVEL` and `LOG_FORMAT`. */
  readonly logger?: Logger;
}

/**
 * Open storages, records and processors, and put the service together.
 *
 * `fetch` answers requests from then on: mount it in any server. `start()` begins the work in the background
 * (processing, tidying up what crashes have left, looking after the storages); an application that only reads may do
 * without.
 * `close()` stops that work and lets everything go: call it once, when no request is under way any more.
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
 * const answer = await stowage.fetch(
 *   new Request("http://localhost/api/v1/upload/hello.txt", {
 *     method: "PUT",
 *     headers: { "x-user": "acme" },
 *     body: "Hello",
 *   }),
 * );
 * console.log(answer.status); // 201
 * await stowage.close();
 * ```
 *
 * @throws {ConfigError} Naming every setting that is wrong, drivers and processors that cannot be loaded among
 *   them; in production also where nobody could call.
 * @throws {StowageError} If storage or database cannot be opened. Nothing is held any more then.
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
      // Servers limit requests as a whole or not at all: none knows how slow is too slow for a large file.
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
 * What a driver gets on Node, with everything real: for tests of drivers, and for using one by itself.
 *
 * @param changes What a test wants otherwise: a clock that stands, a `fetch` that breaks.
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

/** @returns It without a slash at its end; empty for the root. */
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
