import { hasher } from "../adapters/hasher.ts";
import { DriverRegistry } from "../application/storages/driver-registry.ts";
import type { Config } from "../config.ts";
import type { Clock, RandomSource } from "../domain/ports/clock.ts";
import type { Host } from "../domain/ports/host.ts";
import { SILENT } from "../domain/ports/logger.ts";
import type { StorageDriver } from "../domain/ports/storage-driver.ts";
import type { StorageUri } from "../domain/storage-uri.ts";
import { checkIntegrity, type DatabaseFacts, readDatabase } from "./database-inspection.ts";
import { openNodeExtractor } from "./extraction/node-extractor.ts";
import { createNodeFetch } from "./fetch/node-fetch.ts";
import { createNodeHost } from "./host-node.ts";
import { nodeDrivers } from "./node-parts.ts";

/** The parts of a service one by one, opened without making or changing anything. */
export interface Inspection {
  readonly clock: Clock;
  /** As the service reaches the network. */
  readonly fetch: typeof globalThis.fetch;
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
  /** @returns What is damaged in the database at `path`, or `null` if it took too long to tell. */
  checkIntegrity(
    path: string,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<readonly string[] | null>;
  /**
   * Have a document read that cannot fail, as the service would.
   *
   * @throws {StowageError} `extractor_unavailable`, `invalid_config`.
   */
  checkExtraction(): Promise<void>;
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
    fetch: network.fetch,
    openStorage: (uri, around) =>
      registry.open(uri, {
        ...{ random, host, logger: SILENT, hash: hasher, now: clock.now, existing: true },
        fetch: around(network.fetch),
      }),
    readDatabase,
    checkIntegrity,
    async checkExtraction() {
      const extractor = await openNodeExtractor(config, { host, logger: SILENT, clock });
      try {
        await extractor.check();
      } finally {
        await extractor.close();
      }
    },
    close: () => network.close(),
  };
}
