/** The same processor without isolation. */
import textProcessor from "../../../processors/text.ts";
import { InProcessExtractor } from "../../../src/adapters/extractor/in-process.ts";
import { SILENT } from "../../../src/domain/ports/logger.ts";
import type { Open } from "../contender.ts";
import { extract } from "./extractor.ts";

export const open: Open = async (concurrency) => {
  const extractor = new InProcessExtractor({
    processors: [textProcessor],
    concurrency,
    logger: SILENT,
  });
  return {
    read: (document) => extract(extractor, document),
    close: () => extractor.close(),
  };
};
