/**
 * Everything a processor may import.
 *
 * @module stowage/processor
 */
import { StowageError } from "./domain/errors.ts";
import { PROCESSOR_MARK } from "./domain/port-mark.ts";
import type { Processor } from "./domain/ports/processor.ts";
import { processorProblems } from "./domain/processor-info.ts";

export { findByteOrderMark, type MarkedEncoding } from "./domain/byte-order-mark.ts";
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

/**
 * Define a processor.
 *
 * @example
 * ```ts
 * export default defineProcessor({
 *   name: "word-count",
 *   version: "1",
 *   accepts: ["text/*", "application/pdf"],
 *   async process(input) {
 *     const words = (await input.text()).split(/\s+/).length;
 *     return { output: { words } };
 *   },
 * });
 * ```
 * @throws {StowageError} `invalid_config`, listing all problems.
 */
export function defineProcessor(processor: Processor): Processor {
  const { name, version, accepts } = processor;
  const problems = processorProblems(processor);
  if (typeof processor.process !== "function") problems.push("it needs a function process");
  if (problems.length > 0) {
    throw new StowageError("invalid_config", `Cannot define processor: ${problems.join("; ")}`);
  }
  return PROCESSOR_MARK.stamp({
    name,
    version,
    accepts: Object.freeze([...accepts]),
    // Called on the given object, which may be of a class with private fields.
    process: (input, context) => processor.process(input, context),
  });
}
