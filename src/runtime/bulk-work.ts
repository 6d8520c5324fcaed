import { createLogger } from "../adapters/log/logger.ts";
import { ProcessorCatalog } from "../application/processing/processor-catalog.ts";
import type { Config } from "../config.ts";
import type { UploadRecords } from "../domain/ports/records.ts";
import { createStowage, type Stowage } from "../stowage.ts";
import { openNodeParts } from "./node-parts.ts";

/** What bulk processing needs. Servers may run at the same time. */
export interface BulkWork {
  readonly records: Pick<UploadRecords, "survey" | "tally" | "requeue">;
  readonly catalog: ProcessorCatalog;
  /** Milliseconds since 1970. */
  now(): number;
  /**
   * Start to process queued uploads in this process.
   *
   * @returns The storages that it can read. Uploads in other storages stay queued.
   * @throws {StowageError} If a storage cannot be opened.
   */
  work(): Promise<readonly string[]>;
  /** Stop, and return unfinished jobs to the queue. */
  close(): Promise<void>;
}

/**
 * Open records and processors. `work` opens the storages.
 *
 * @param err Receives log lines: warnings and errors, or more if `LOG_LEVEL` is `debug`.
 * @throws {StowageError} If the database cannot be opened, or a processor cannot be loaded.
 */
export async function openBulkWork(config: Config, err: (text: string) => void): Promise<BulkWork> {
  const logger = createLogger({
    level: config.log.level === "info" ? "warn" : config.log.level,
    format: config.log.format,
    write: (line) => err(`${line}\n`),
  });
  const parts = await openNodeParts(config, logger);
  let stowage: Stowage | null = null;
  return {
    records: parts.records,
    catalog: new ProcessorCatalog(parts.extractor.processors),
    now: () => parts.clock.now(),
    async work() {
      stowage = await createStowage(config, parts);
      await parts.extractor.check();
      stowage.storageWatch.start();
      stowage.worker.start();
      return stowage.storages.ids;
    },
    async close() {
      await stowage?.close();
      await parts.close();
    },
  };
}
