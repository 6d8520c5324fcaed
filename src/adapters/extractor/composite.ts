import { StowageError } from "../../domain/errors.ts";
import type { Extractor } from "../../domain/ports/extractor.ts";

/** Several extractors as one: the first that has a processor runs it. */
export function createCompositeExtractor(parts: readonly Extractor[]): Extractor {
  return {
    processors: parts.flatMap(({ processors }) => processors),
    concurrency: Math.max(...parts.map(({ concurrency }) => concurrency)),
    async run(extraction) {
      const part = parts.find(({ processors }) =>
        processors.some(({ name }) => name === extraction.processor),
      );
      if (part !== undefined) return await part.run(extraction);
      throw new StowageError(
        "processor_missing",
        `Cannot process document: there is no processor ${extraction.processor}`,
      );
    },
    async check() {
      await Promise.all(parts.map((part) => part.check()));
    },
    async close() {
      await Promise.all(parts.map((part) => part.close()));
    },
  };
}
