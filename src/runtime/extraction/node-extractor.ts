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

/** A module with processors (its package name, path or `file:` URL), or a processor to run in this process. */
export type GivenProcessor = string | URL | Processor;

/**
 * The extractor on Node: built-in processors and those of modules run in separate processes, those that the
 * application defines run in this process.
 *
 * @throws {ConfigError} With a problem for every module that cannot be used.
 * @throws {StowageError} `invalid_config` for a value that is not a result of `defineProcessor`,
 *   `extractor_unavailable` if a process that loads modules cannot be started.
 */
export async function openNodeExtractor(
  config: Config,
  parts: { readonly host: Host; readonly logger: Logger; readonly clock: Clock },
  given: readonly GivenProcessor[] = [],
): Promise<Extractor> {
  const { concurrency, timeoutSeconds, memoryBytes, maxTextBytes } = config.processing;
  const limits = limitsWith({
    memoryBytes,
    maxTextBytes,
    wallMs: timeoutSeconds * 1000,
    // The same ratio as in DEFAULT_LIMITS.
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
    ...parts,
    concurrency,
    limits,
    command: commandFor(urls),
    processors: [...BUILT_IN_PROCESSORS, ...processors],
  });
  if (here.length === 0) return children;
  const inProcess = new InProcessExtractor({
    processors: here,
    concurrency,
    limits,
    logger: parts.logger,
    // The processors are trusted, the document is not: a separate process parses it.
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
    "Cannot use processors: one is neither the name of a module nor a result of this release's defineProcessor",
  );
}
