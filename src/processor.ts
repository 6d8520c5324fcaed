/**
 * Everything a processor may import.
 *
 * @module stowage/processor
 */
import { StowageError } from "./domain/errors.ts";
import type { Processor } from "./domain/ports/processor.ts";

export { type ByteStream, concatBytes, readAtMost } from "./domain/bytes.ts";
export { type ErrorCode, isStowageError, StowageError } from "./domain/errors.ts";
export { findMediaType, matchesMediaType } from "./domain/media-type.ts";
export type { Logger } from "./domain/ports/logger.ts";
export type {
  Processor,
  ProcessorContext,
  ProcessorInfo,
  ProcessorInput,
  ProcessorOutput,
} from "./domain/ports/processor.ts";

const PROCESSOR_NAME = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;

/**
 * Define a processor.
 *
 * @example
 * ```ts
 * export default defineProcessor({
 *   name: "word-count",
 *   version: "1",
 *   accepts: ["text/*"],
 *   async process(input) {
 *     const words = new TextDecoder().decode(await input.bytes()).split(/\s+/).length;
 *     return { output: { words } };
 *   },
 * });
 * ```
 * @throws {StowageError} `invalid_config` if the name is not 1–40 of `a-z0-9-`, or nothing is accepted.
 */
export function defineProcessor(processor: Processor): Processor {
  if (!PROCESSOR_NAME.test(processor.name)) {
    throw new StowageError(
      "invalid_config",
      `Cannot define processor: its name takes 1 to 40 of a-z 0-9 -, found "${processor.name}"`,
    );
  }
  if (processor.version === "" || processor.accepts.length === 0) {
    throw new StowageError(
      "invalid_config",
      `Cannot define processor ${processor.name}: it needs a version and a media type it accepts`,
    );
  }
  return Object.freeze(processor);
}
