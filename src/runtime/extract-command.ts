import { existsSync, realpathSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { DEFAULT_LIMITS } from "../adapters/extractor/limits.ts";

export interface ExtractCommandOptions {
  /** Modules with further processors, as file URLs. */
  readonly modules?: readonly string[];
  /** See `ExtractionLimits.memoryBytes`. */
  readonly memoryBytes?: number;
}

/**
 * How Node starts an extraction process: with code and libraries readable, and no other file; without the
 * right to write files, to start processes or threads, to load addons, or to make code out of strings.
 */
export function nodeExtractCommand(options: ExtractCommandOptions = {}): string[] {
  const { modules = [], memoryBytes = DEFAULT_LIMITS.memoryBytes } = options;
  // The same tree in the sources and in `dist`: src/runtime/… and processors/…, compiled in the latter.
  const here = fileURLToPath(import.meta.url);
  const base = join(dirname(here), "..", "..");
  const readable = [
    join(base, "src"),
    join(base, "processors"),
    ...librariesAbove(base),
    ...modules.flatMap((module) => {
      const folder = dirname(fileURLToPath(module));
      return [folder, ...librariesAbove(folder)];
    }),
  ];
  return [
    process.execPath,
    "--permission",
    ...new Set(readable.map((path) => `--allow-fs-read=${path}`)),
    "--disallow-code-generation-from-strings",
    // The rest of the memory is for the buffers outside the heap.
    `--max-old-space-size=${Math.floor((memoryBytes * 0.75) / (1024 * 1024))}`,
    join(dirname(here), `extract-child${extname(here)}`),
    ...modules,
  ];
}

/** What module resolution looks at from `folder` upwards; under its real name too, since links are followed. */
function librariesAbove(folder: string): string[] {
  const above = dirname(folder);
  const found = [join(folder, "node_modules"), join(folder, "package.json")].filter(existsSync);
  const here = found.flatMap((path) => [path, realpathSync(path)]);
  return above === folder ? here : [...here, ...librariesAbove(above)];
}
