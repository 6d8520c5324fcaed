import { existsSync, readdirSync, realpathSync } from "node:fs";
import { dirname, extname, isAbsolute, join, relative } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { DEFAULT_LIMITS } from "../../adapters/extractor/limits.ts";

/**
 * V8's default on 64-bit systems. Under RLIMIT_DATA V8 would choose less and collect young objects so often that a
 * page takes a quarter longer (`npm run bench:process`).
 */
const NURSERY_MIB = 16;

export interface ExtractCommandOptions {
  /** Modules with further processors, as file URLs. */
  readonly modules?: readonly string[];
  /** See `ExtractionLimits.memoryBytes`. */
  readonly memoryBytes?: number;
}

/**
 * The command that starts an extraction process on Node. It may read code and libraries, but no other file. It may not
 * write files, start processes or threads, load addons, or create code from strings.
 */
export function nodeExtractCommand(options: ExtractCommandOptions = {}): string[] {
  const { modules = [], memoryBytes = DEFAULT_LIMITS.memoryBytes } = options;
  // Sources and `dist` have the same folders: src/runtime/… and processors/….
  const here = fileURLToPath(import.meta.url);
  const base = join(dirname(here), "..", "..", "..");
  const readable = [
    join(base, "src"),
    join(base, "processors"),
    ...librariesAbove(base),
    ...modules.flatMap((module) => readableFor(fileURLToPath(module))),
  ];
  return [
    process.execPath,
    "--permission",
    ...new Set(readable.map((path) => `--allow-fs-read=${path}`)),
    "--disallow-code-generation-from-strings",
    // The rest of the memory is for buffers outside the heap.
    `--max-old-space-size=${Math.floor((memoryBytes * 0.75) / (1024 * 1024))}`,
    // Pauses do not matter here, and helper threads would take CPU time from other documents.
    "--single-threaded-gc",
    `--max-semi-space-size=${NURSERY_MIB}`,
    join(dirname(here), `extract-child${extname(here)}`),
    ...modules,
  ];
}

/**
 * What a module may read: its folder and the libraries above. In the working directory and the folders above it, which
 * usually contain data and keys, only the source files beside the module.
 */
function readableFor(module: string): string[] {
  return [...new Set([module, realpathSync(module)])].flatMap((file) => {
    const folder = dirname(file);
    const fromFolder = relative(folder, process.cwd());
    const isAbove = !fromFolder.startsWith("..") && !isAbsolute(fromFolder);
    return [...(isAbove ? sourcesIn(folder) : [folder]), ...librariesAbove(folder)];
  });
}

function sourcesIn(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => /\.(?:[cm]?[jt]s|wasm)$/.test(name));
  return names.map((name) => join(folder, name));
}

/** What module resolution reads from `folder` upwards. Also under the real paths, because links are followed. */
function librariesAbove(folder: string): string[] {
  const above = dirname(folder);
  const found = [join(folder, "node_modules"), join(folder, "package.json")].filter(existsSync);
  const here = found.flatMap((path) => [path, realpathSync(path)]);
  return above === folder ? here : [...here, ...librariesAbove(above)];
}
