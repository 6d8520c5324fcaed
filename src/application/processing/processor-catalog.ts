import { StowageError } from "../../domain/errors.ts";
import { matchesMediaType } from "../../domain/media-type.ts";
import type { ProcessorInfo } from "../../domain/ports/processor.ts";

/** The available processors by name. */
export class ProcessorCatalog {
  readonly #processors = new Map<string, ProcessorInfo>();

  /** @throws {StowageError} `invalid_config` if two processors share a name. */
  constructor(processors: readonly ProcessorInfo[]) {
    for (const processor of processors) {
      if (this.#processors.has(processor.name)) {
        throw new StowageError(
          "invalid_config",
          `Cannot register processor: two are named "${processor.name}"`,
        );
      }
      this.#processors.set(processor.name, processor);
    }
  }

  get names(): readonly string[] {
    return [...this.#processors.keys()].sort();
  }

  find(name: string): ProcessorInfo | null {
    return this.#processors.get(name) ?? null;
  }

  /** Names of the processors that read `contentType`, in the order they were registered. */
  accepting(contentType: string): string[] {
    return [...this.#processors.values()]
      .filter((processor) => matchesMediaType(contentType, processor.accepts))
      .map((processor) => processor.name);
  }

  /**
   * Check the names that a caller requested.
   *
   * @throws {StowageError} `unknown_processor` if a name is not registered or does not read `contentType`.
   */
  choose(names: readonly string[], contentType: string): string[] {
    for (const name of names) {
      const processor = this.find(name);
      if (processor === null) {
        throw new StowageError(
          "unknown_processor",
          `Cannot reprocess: no processor has this name (known: ${this.names.join(", ") || "none"})`,
        );
      }
      if (!matchesMediaType(contentType, processor.accepts)) {
        throw new StowageError(
          "unknown_processor",
          `Cannot reprocess: ${name} does not read ${contentType}`,
        );
      }
    }
    return [...new Set(names)];
  }
}
