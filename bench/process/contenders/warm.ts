/** Processes of the same kind that are never replaced: what isolation costs without their starts. */
import textProcessor from "../../../processors/text.ts";
import { createChildExtractor } from "../../../src/adapters/extractor/child-process.ts";
import { SILENT } from "../../../src/domain/ports/logger.ts";
import { nodeExtractCommand } from "../../../src/runtime/extraction/extract-command.ts";
import { nodeHost } from "../../../src/runtime/host-node.ts";
import type { Open } from "../contender.ts";
import { extract } from "./extractor.ts";

export const open: Open = async (concurrency) => {
  const extractor = createChildExtractor({
    host: nodeHost,
    concurrency,
    logger: SILENT,
    clock: { now: () => Date.now() },
    command: nodeExtractCommand(),
    processors: [textProcessor],
    documentsPerProcess: Number.POSITIVE_INFINITY,
  });
  return {
    read: (document) => extract(extractor, document),
    close: () => extractor.close(),
  };
};
