import metadataProcessor from "../../../processors/metadata.ts";
import textProcessor from "../../../processors/text.ts";
import type { Processor } from "../../domain/ports/processor.ts";

/** The processors that come with Stowage, in the order in which they run. */
export const BUILT_IN_PROCESSORS: readonly Processor[] = [textProcessor, metadataProcessor];
