import { existsSync } from "node:fs";
import { access, constants } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { hasher } from "../adapters/hash.ts";
import type { SqlExecutor } from "../adapters/records/executor.ts";
import { findSchemaVersion, MIGRATIONS } from "../adapters/records/migrations.ts";
import { storages } from "../adapters/records/storages.ts";
import { DriverRegistry } from "../application/driver-registry.ts";
import type { Config } from "../config.ts";
import type { Clock, RandomSource } from "../domain/ports/clock.ts";
import type { Host } from "../domain/ports/host.ts";
import { SILENT } from "../domain/ports/logger.ts";
import type { StorageDriver } from "../domain/ports/storage-driver.ts";
import type { StorageUsage } from "../domain/ports/upkeep-records.ts";
import type { StorageUri } from "../domain/storage-uri.ts";
import { createNodeHost } from "./host-node.ts";
import { createNodeFetch } from "./node-fetch.ts";
import { nodeDrivers } from "./node-parts.ts";

/** What the file of a database tells. */
export interface DatabaseFacts {
  /** 0 for an empty one. */
  readonly version: number;
  /** The version that this release makes of it. */
  readonly newest: number;
  readonly usage: readonly StorageUsage[];
}

/** The parts of a service one by one, opened without making or changing anything. */
export interface Inspection {
  readonly clock: Clock;
  /**
   * Open a storage that is there.
   *
   * @param around Wraps how its driver reaches the network.
   */
  openStorage(
    uri: StorageUri,
    around: (fetch: typeof globalThis.fetch) => typeof globalThis.fetch,
  ): Promise<StorageDriver>;
  /**
   * Look into the database at `path`, also while a server works with it.
   *
   * @returns `null` if there is none.
   * @throws If it cannot be read and written, or is no database.
   */
  readDatabase(path: string): Promise<DatabaseFacts | null>;
  /** End every connection. */
  close(): Promise<void>;
}

const clock: Clock = { now: () => Date.now() };
const random: RandomSource = (bytes) => crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);

/**
 * @param env The environment as drivers see it.
 * @throws {ConfigError} If drivers of other people cannot be loaded.
 */
export async function inspect(config: Config, env: Host["env"]): Promise<Inspection> {
  const registry = new DriverRegistry(await nodeDrivers(config));
  const host = { ...createNodeHost(), env };
  const network = createNodeFetch({ env });
  return {
    clock,
    openStorage: (uri, around) =>
      registry.open(uri, {
        ...{ random, host, logger: SILENT, hash: hasher, now: clock.now, existing: true },
        fetch: around(network.fetch),
      }),
    readDatabase,
    close: () => network.close(),
  };
}

async function readDatabase(path: string): Promise<DatabaseFacts | null> {
  const absolute = resolve(path);
  if (!existsSync(absolute)) {
    await access(nearestFolder(absolute), constants.W_OK | constants.X_OK);
    return null;
  }
  for (const place of [absolute, dirname(absolute)]) await access(place, constants.W_OK);
  const database = new DatabaseSync(readOnlyUrl(absolute), { readOnly: true });
  try {
    const executor: Pick<SqlExecutor, "run"> = {
      run: async (query) =>
        database.prepare(query.sql).all(...(query.parameters as string[])) as never,
    };
    const version = await findSchemaVersion(executor);
    // What a newer release has made of the tables is not ours to read.
    const known = version > 0 && version <= MIGRATIONS.length;
    const usage = known ? await storages(executor as SqlExecutor).storageUsage() : [];
    return { version, newest: MIGRATIONS.length, usage };
  } finally {
    database.close();
  }
}

/**
 * Even a reader of a database in WAL mode makes files beside it. Where there are none, nobody is writing, and
 * it can be read as if it never changed. What a crash has left (`-wal` without `-shm`) is read with it, which
 * makes the index anew, as the next start would.
 *
 * @see https://www.sqlite.org/uri.html#uriimmutable
 */
function readOnlyUrl(path: string): URL {
  const url = pathToFileURL(path);
  if (!existsSync(`${path}-wal`)) url.searchParams.set("immutable", "1");
  return url;
}

function nearestFolder(path: string): string {
  const folder = dirname(path);
  return existsSync(folder) || folder === path ? folder : nearestFolder(folder);
}
