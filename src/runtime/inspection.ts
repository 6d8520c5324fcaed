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

/** The parts of a service, each opened separately without creating or changing anything. */
export interface Inspection {
  readonly clock: Clock;
  /** The `fetch` of the service. */
  readonly fetch: typeof globalThis.fetch;
  /**
   * Open an existing storage.
   *
   * @param around Wraps the `fetch` of its driver.
   */
  openStorage(
    uri: StorageUri,
    around: (fetch: typeof globalThis.fetch) => typeof globalThis.fetch,
  ): Promise<StorageDriver>;
  /**
   * Read the database at `path`, even while a server uses it.
   *
   * @returns `null` if it does not exist.
   * @throws If it cannot be read and written, or is not a database.
   */
  readDatabase(path: string): Promise<DatabaseFacts | null>;
  /** @returns The damage in the database at `path`, or `null` if the check took too long. */
  checkIntegrity(
    path: string,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<readonly string[] | null>;
  /**
   * Process a document that cannot fail, as the service would.
   *
   * @throws {StowageError} `extractor_unavailable`, `invalid_config`.
   */
  checkExtraction(): Promise<void>;
  /** Close every connection. */
  close(): Promise<void>;
}

const clock: Clock = { now: () => Date.now() };
const random: RandomSource = (bytes) => crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);

/**
 * @param env The environment that drivers see.
 * @throws {ConfigError} If third-party drivers cannot be loaded.
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
        random,
        host,
        logger: SILENT,
        hash: hasher,
        now: clock.now,
        existing: true,
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
