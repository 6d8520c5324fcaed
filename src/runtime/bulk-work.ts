import { createLogger } from "../adapters/log/logger.ts";
import { ProcessorCatalog } from "../application/processing/processor-catalog.ts";
import type { Config } from "../config.ts";
import type { UploadRecords } from "../domain/ports/records.ts";
import { createStowage, type Stowage } from "../stowage.ts";
import { openNodeParts } from "./node-parts.ts";

/** What processing in bulk needs, beside any servers that run. */
export interface BulkWork {
  readonly records: Pick<UploadRecords, "survey" | "tally" | "requeue">;
  readonly catalog: ProcessorCatalog;
  /** Milliseconds since 1970. */
  now(): number;
  /**
   * Begin to work on what is queued, in this process.
   *
   * @returns The storages that it can read: uploads that lie in others stay queued.
   * @throws {StowageError} If a storage cannot be opened.
   */
  work(): Promise<readonly string[]>;
  /** Stop, and hand unfinished jobs back. */
  close(): Promise<void>;
}

/**
 * Open records and processors; storages only once there is work to be done here.
 *
 * @param err Where log lines go: warnings and worse, unless more is asked for.
 * @throws {StowageError} If the database cannot be opened, or a processor not be loaded.
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
