import { isModuleName } from "../../config/module-names.ts";
import { isStowageError } from "../../domain/errors.ts";
import type { ProcessorInfo } from "../../domain/ports/processor.ts";
import { gatherDefinitions, type NamedModule } from "./gather-definitions.ts";
import { locateModule } from "./load-modules.ts";
import { ModuleProblem } from "./module-exports.ts";

/** Starts an extraction process with modules and returns its reports about them: see `ModuleReport`. */
export type ReportOn = (
  urls: readonly string[],
) => Promise<readonly ({ processors: readonly ProcessorInfo[] } | { expected: string })[]>;

export interface LoadedProcessors {
  /** The arguments for an extraction process. */
  readonly urls: readonly string[];
  readonly processors: readonly ProcessorInfo[];
}

/**
 * Find modules with processors and list the processors. The modules are loaded in an extraction process: none of
 * their code runs in this process.
 *
 * @param folder Where to look for paths and packages: the working directory.
 * @param known Processors that already exist; their names are taken.
 * @throws {ConfigError} With a problem for every module that cannot be used.
 * @throws {StowageError} `extractor_unavailable` if extraction processes cannot be started at all.
 */
export async function loadProcessors(
  modules: readonly NamedModule[],
  folder: string,
  known: readonly ProcessorInfo[],
  reportOn: ReportOn,
): Promise<LoadedProcessors> {
  const urls = new Map<NamedModule, string | ModuleProblem>();
  for (const module of modules) urls.set(module, locate(module.name, folder));
  const found = [...new Set([...urls.values()].filter((url) => typeof url === "string"))];
  const reports = await askAbout(found, reportOn);
  const processors = await gatherDefinitions("processor", modules, known, async (module) => {
    const url = urls.get(module);
    if (url instanceof ModuleProblem) throw url;
    const report = reports.get(url ?? "") ?? { processors: [] };
    if ("expected" in report) throw new ModuleProblem(report.expected);
    return report.processors;
  });
  return { urls: found, processors };
}

function locate(name: string, folder: string): string | ModuleProblem {
  try {
    if (isModuleName(name)) return locateModule(name, folder);
    return new ModuleProblem("the name of a package, or the path or URL of a file");
  } catch (error) {
    if (error instanceof ModuleProblem) return error;
    throw error;
  }
}

type Report = Awaited<ReturnType<ReportOn>>[number];

/** Reports on all modules at once; if that breaks the process, one by one to find out which module did it. */
async function askAbout(
  urls: readonly string[],
  reportOn: ReportOn,
): Promise<ReadonlyMap<string, Report>> {
  if (urls.length === 0) return new Map();
  try {
    const reports = await reportOn(urls);
    return new Map(urls.map((url, i) => [url, reports[i] as Report]));
  } catch (error) {
    if (!isStowageError(error)) throw error;
    await reportOn([]);
    const reports = new Map<string, Report>();
    for (const url of urls) reports.set(url, await reportAlone(url, reportOn));
    if ([...reports.values()].every((report) => "processors" in report)) throw error;
    return reports;
  }
}

async function reportAlone(url: string, reportOn: ReportOn): Promise<Report> {
  try {
    const [report] = await reportOn([url]);
    return report as Report;
  } catch (error) {
    if (!isStowageError(error)) throw error;
    const how = error.data["found"] ?? "it violates the protocol";
    return { expected: `a module that loads; loading it breaks the process: ${how}` };
  }
}
