import metadataProcessor from "../../../processors/metadata.ts";
import textProcessor from "../../../processors/text.ts";
import type { Processor } from "../../domain/ports/processor.ts";

/** Processors that need no telling, in the order in which they run. */
export const OWN_PROCESSORS: readonly Processor[] = [textProcessor, metadataProcessor];
