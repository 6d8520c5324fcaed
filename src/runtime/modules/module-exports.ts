import { registerHooks } from "node:module";
import { extname } from "node:path";
import type { PortMark } from "../../domain/port-mark.ts";

/** Why a module cannot be used: `expected` ends the sentence "expected …" of a `ConfigError`. */
export class ModuleProblem extends Error {
  readonly expected: string;
  constructor(expected: string, cause?: unknown) {
    super(expected, { cause });
    this.expected = expected;
  }
}

/** What a module is loaded for. */
export interface ModuleKind {
  readonly word: "driver" | "processor";
  /** The function that defines one. */
  readonly maker: string;
  readonly mark: PortMark;
}

/** What a module may import without an installed Stowage, and the file that it gets instead. */
const OURS: Readonly<Record<string, string>> = {
  "stowage/driver": "../../driver",
  "stowage/processor": "../../processor",
};

/**
 * Import a third-party module. Its imports of `stowage/driver` and `stowage/processor` resolve to the copy
 * installed beside it, or else to this one, so a single file in an empty folder works.
 *
 * @throws {ModuleProblem} If loading it fails.
 */
export async function importModule(url: string): Promise<Record<string, unknown>> {
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      try {
        return next(specifier, context);
      } catch (error) {
        const ours = OURS[specifier];
        if (ours === undefined) throw error;
        const file = ours + extname(import.meta.url);
        return { url: new URL(file, import.meta.url).href, shortCircuit: true };
      }
    },
  });
  try {
    return await import(url);
  } catch (error) {
    throw new ModuleProblem(`a module that loads; it fails with ${firstLine(error)}`, error);
  } finally {
    hooks.deregister();
  }
}

/**
 * The definitions of a module: its default export, which is one definition or an array of them.
 *
 * @throws {ModuleProblem} If the export is anything else, or made for another version of the port.
 */
export function definitionsOf(
  exports: Readonly<Record<string, unknown>>,
  { word, maker, mark }: ModuleKind,
): readonly unknown[] {
  const { default: found } = exports;
  const values: readonly unknown[] = Array.isArray(found) && found.length > 0 ? found : [found];
  for (const value of values) {
    const version = mark.versionOf(value);
    if (version === mark.version) continue;
    throw new ModuleProblem(
      version === null
        ? `a default export made by ${maker}, or an array of them; it exports ${listOf(exports)}`
        : `a ${word} for version ${mark.version} of the ${word} port; it is made for version ${version} (install the release of either that fits)`,
    );
  }
  return values;
}

function listOf(exports: Readonly<Record<string, unknown>>): string {
  const names = Object.entries(exports).map(
    ([name, value]) => `${name} (${Array.isArray(value) ? "array" : typeof value})`,
  );
  return names.length > 0 ? names.join(", ") : "nothing";
}

/** The first line of an error's name and message. `error` may be any value that was thrown. */
export function firstLine(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.split("\n", 1)[0] ?? "";
}
