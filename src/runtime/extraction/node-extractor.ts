import process from "node:process";
import textProcessor from "../../../processors/text.ts";
import { readCatalogue } from "../../adapters/extractor/catalogue.ts";
import { createChildExtractor } from "../../adapters/extractor/child-process.ts";
import { createCompositeExtractor } from "../../adapters/extractor/composite.ts";
import { InProcessExtractor } from "../../adapters/extractor/in-process.ts";
import { limitsWith } from "../../adapters/extractor/limits.ts";
import { unreadable } from "../../adapters/extractor/run-processor.ts";
import type { Config } from "../../config.ts";
import { StowageError } from "../../domain/errors.ts";
import { matchesMediaType } from "../../domain/media-type.ts";
import { PROCESSOR_MARK } from "../../domain/port-mark.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { Extractor } from "../../domain/ports/extractor.ts";
import type { Host } from "../../domain/ports/host.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type { Processor } from "../../domain/ports/processor.ts";
import { BUILT_IN_PROCESSORS } from "../modules/built-in-processors.ts";
import type { NamedModule } from "../modules/gather-definitions.ts";
import { loadProcessors } from "../modules/load-processors.ts";
import { nodeExtractCommand } from "./extract-command.ts";

/** A module that defines processors, by its name, path or `file:` URL; or a processor to be run right here. */
export type GivenProcessor = string | URL | Processor;

/**
 * Everything that reads documents on Node: our own processors and those of modules in processes of their own,
 * then those that the application trusts with its own process.
 *
 * @throws {ConfigError} With a problem for every module that cannot be used.
 * @throws {StowageError} `invalid_config` for a value that `defineProcessor` did not make,
 *   `extractor_unavailable` if no process that loads modules can be started.
 */
export async function openNodeExtractor(
  config: Config,
  parts: { readonly host: Host; readonly logger: Logger; readonly clock: Clock },
  given: readonly GivenProcessor[] = [],
): Promise<Extractor> {
  const { concurrency, timeoutSeconds, memoryBytes, maxTextBytes } = config.processing;
  const limits = limitsWith({
    ...{ memoryBytes, maxTextBytes, wallMs: timeoutSeconds * 1000 },
    // As by default: see there.
    cpuSeconds: timeoutSeconds / 4,
  });
  const here = given.filter((one) => !isModule(one)).map(requireProcessor);
  const commandFor = (modules: readonly string[]) => nodeExtractCommand({ modules, memoryBytes });
  const { urls, processors } = await loadProcessors(
    namedModules(config, given),
    process.cwd(),
    [...BUILT_IN_PROCESSORS, ...here],
    async (modules) =>
      (await readCatalogue({ ...parts, limits, command: commandFor(modules) })).modules,
  );
  const children = createChildExtractor({
    ...{ ...parts, concurrency, limits },
    command: commandFor(urls),
    processors: [...BUILT_IN_PROCESSORS, ...processors],
  });
  if (here.length === 0) return children;
  const inProcess = new InProcessExtractor({
    ...{ processors: here, concurrency, limits, logger: parts.logger },
    // However much its processors are trusted, the document is not: it is parsed over there.
    async findText(extraction) {
      const { contentType } = extraction;
      if (!matchesMediaType(contentType, textProcessor.accepts)) throw unreadable(contentType);
      return (await children.run({ ...extraction, processor: textProcessor.name })).text ?? "";
    },
  });
  return createCompositeExtractor([children, inProcess]);
}

function namedModules(config: Config, given: readonly GivenProcessor[]): readonly NamedModule[] {
  const names = given.filter(isModule).map(String);
  return [
    ...config.processors.map((name) => ({ name, variable: "STOWAGE_PROCESSORS" })),
    ...names.map((name) => ({ name, variable: "createStowage({ processors })" })),
  ];
}

function isModule(given: GivenProcessor): given is string | URL {
  return typeof given === "string" || given instanceof URL;
}

function requireProcessor(value: GivenProcessor): Processor {
  if (PROCESSOR_MARK.versionOf(value) === PROCESSOR_MARK.version) return value as Processor;
  throw new StowageError(
    "invalid_config",
    "Cannot use processors: one is neither the name of a module nor made by this release's defineProcessor",
  );
}
