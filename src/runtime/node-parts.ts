import { randomFillSync } from "node:crypto";
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import process from "node:process";
import fsDriver from "../../drivers/fs.ts";
import memoryDriver from "../../drivers/memory.ts";
import s3Driver from "../../drivers/s3.ts";
import unstorageDriver from "../../drivers/unstorage.ts";
import { createApiKeyRecords } from "../adapters/records/api-keys.ts";
import type { SqlExecutor } from "../adapters/records/executor.ts";
import { migrate } from "../adapters/records/migrations.ts";
import { openNodeSqlite } from "../adapters/records/node-sqlite.ts";
import { createTenantRecords } from "../adapters/records/tenants.ts";
import { createUploadRecords } from "../adapters/records/upload-records.ts";
import { type Config, ConfigError } from "../config.ts";
import { StowageError } from "../domain/errors.ts";
import type { ApiKeyRecords } from "../domain/ports/api-keys.ts";
import type { Clock, RandomSource } from "../domain/ports/clock.ts";
import type { Host } from "../domain/ports/host.ts";
import type { Logger } from "../domain/ports/logger.ts";
import type { DriverDefinition } from "../domain/ports/storage-driver.ts";
import type { TenantRecords } from "../domain/ports/tenants.ts";
import type { StowageParts } from "../stowage.ts";
import { type GivenProcessor, openNodeExtractor } from "./extraction/node-extractor.ts";
import { createNodeFetch } from "./fetch/node-fetch.ts";
import { createNodeHost } from "./host-node.ts";
import { loadDrivers } from "./modules/load-drivers.ts";

const clock: Clock = { now: () => Date.now() };

const random: RandomSource = (bytes) => randomFillSync(bytes);

/** The built-in drivers on Node. */
const DRIVERS = [fsDriver, memoryDriver, s3Driver, unstorageDriver];

export type NodeParts = StowageParts & { close(): Promise<void> };

/** What the caller provides. */
export interface GivenParts {
  /** Drivers besides the built-in ones. */
  readonly drivers?: readonly DriverDefinition[];
  /** Processors besides the built-in ones and those of `STOWAGE_PROCESSORS`. */
  readonly processors?: readonly GivenProcessor[];
  /** The environment that drivers see. Default: `process.env`. */
  readonly env?: Host["env"];
}

/**
 * Every driver that storages may name on Node: the built-in ones, the caller's, and those in `STOWAGE_DRIVERS`.
 *
 * @throws {ConfigError} If a driver in `STOWAGE_DRIVERS` cannot be loaded or its name is taken.
 */
export async function nodeDrivers(
  config: Config,
  given: readonly DriverDefinition[] = [],
): Promise<readonly DriverDefinition[]> {
  return await loadDrivers(config.drivers, process.cwd(), [...DRIVERS, ...given]);
}

/** Open what the service needs on Node: drivers, database, processes, files and clock. */
export async function openNodeParts(
  config: Config,
  logger: Logger,
  given: GivenParts = {},
): Promise<NodeParts> {
  const host = { ...createNodeHost(logger), env: given.env ?? process.env };
  const [drivers, extractor] = await bothOrAllProblems(
    nodeDrivers(config, given.drivers),
    openNodeExtractor(config, { host, logger, clock }, given.processors),
  );
  const executor = await openDatabase(config);
  const network = createNodeFetch({ env: host.env });
  return {
    drivers,
    extractor,
    logger,
    clock,
    random,
    host,
    fetch: network.fetch,
    records: createUploadRecords(executor, clock),
    keys: createApiKeyRecords(executor),
    tenants: createTenantRecords(executor, clock),
    async close() {
      await extractor.close();
      await network.close();
      await executor.close();
    },
  };
}

/** Wait for both. If both have invalid settings, report all problems at once. */
async function bothOrAllProblems<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  const results = await Promise.allSettled([a, b]);
  const reasons = results.flatMap((result) =>
    result.status === "rejected" && result.reason instanceof ConfigError ? [result.reason] : [],
  );
  if (reasons.length > 1) throw new ConfigError(reasons.flatMap(({ problems }) => problems));
  return await Promise.all([a, b]);
}

/** Open only the API keys: for the command line. */
export async function openKeyRecords(
  config: Config,
): Promise<{ readonly keys: ApiKeyRecords; close(): Promise<void> }> {
  const executor = await openDatabase(config);
  return { keys: createApiKeyRecords(executor), close: () => executor.close() };
}

/** Open only the overrides of tenants: for the command line. */
export async function openTenantRecords(
  config: Config,
): Promise<{ readonly tenants: TenantRecords; close(): Promise<void> }> {
  const executor = await openDatabase(config);
  return { tenants: createTenantRecords(executor, clock), close: () => executor.close() };
}

async function openDatabase(config: Config): Promise<SqlExecutor> {
  const { path } = config.database;
  if (path !== ":memory:") await makePrivateFile(path);
  const executor = await openNodeSqlite(path);
  try {
    await migrate(executor);
    return executor;
  } catch (error) {
    await executor.close();
    throw error;
  }
}

/** Names and digests of files are private. SQLite's other files get the same mode. */
async function makePrivateFile(path: string): Promise<void> {
  const folder = dirname(path);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await (await open(path, "a", 0o600)).close();
  } catch (cause) {
    const { code = "unknown" } = cause as NodeJS.ErrnoException;
    throw new StowageError(
      "records_unavailable",
      `Cannot open the database: ${code} (correct DATABASE_URL, or the permissions of ${folder})`,
      { cause },
    );
  }
}
