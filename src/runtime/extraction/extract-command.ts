import { existsSync, readdirSync, realpathSync } from "node:fs";
import { dirname, extname, isAbsolute, join, relative } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { DEFAULT_LIMITS } from "../../adapters/extractor/limits.ts";

/**
 * V8's own default on 64-bit systems; below RLIMIT_DATA it would choose less, and collect young objects so often
 * that a page costs a quarter more (`npm run bench:process`).
 */
const NURSERY_MIB = 16;

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
    // The rest of the memory is for the buffers outside the heap.
    `--max-old-space-size=${Math.floor((memoryBytes * 0.75) / (1024 * 1024))}`,
    // Nobody waits for a pause, and helpers would take the CPU from the document's neighbours.
    "--single-threaded-gc",
    `--max-semi-space-size=${NURSERY_MIB}`,
    join(dirname(here), `extract-child${extname(here)}`),
    ...modules,
  ];
}

/**
 * What a module may read: its folder and the libraries above. Of the working directory and the folders above it,
 * where data and keys lie as a rule, only the source files beside it.
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

/** What module resolution looks at from `folder` upwards; under its real name too, since links are followed. */
function librariesAbove(folder: string): string[] {
  const above = dirname(folder);
  const found = [join(folder, "node_modules"), join(folder, "package.json")].filter(existsSync);
  const here = found.flatMap((path) => [path, realpathSync(path)]);
  return above === folder ? here : [...here, ...librariesAbove(above)];
}
