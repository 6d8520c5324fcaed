/** The extractor as the service opens it: processes that are replaced after some documents. */
import { loadConfig } from "../../../src/config.ts";
import { SILENT } from "../../../src/domain/ports/logger.ts";
import { openNodeParts } from "../../../src/runtime/node-parts.ts";
import type { Open } from "../contender.ts";
import { extract } from "./extractor.ts";

export const open: Open = async (lanes) => {
  const config = loadConfig({
    DATABASE_URL: "sqlite::memory:",
    PROCESSING_CONCURRENCY: String(lanes),
  });
  const parts = await openNodeParts(config, SILENT);
  return {
    read: (document) => extract(parts.extractor, document),
    close: () => parts.close(),
  };
};
