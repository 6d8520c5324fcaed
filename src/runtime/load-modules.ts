import { existsSync } from "node:fs";
import { findPackageJSON, registerHooks } from "node:module";
import { extname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isModulePath } from "../config/module-names.ts";

/** Why a module is not there to be used: `expected` ends the sentence "expected …" of a `ConfigError`. */
export class ModuleProblem extends Error {
  readonly expected: string;
  constructor(expected: string, cause?: unknown) {
    super(expected, { cause });
    this.expected = expected;
  }
}

/** What a module may import although nobody has installed Stowage beside it, and where that is here. */
const OURS: Readonly<Record<string, string>> = {
  "stowage/driver": "../driver",
};

/**
 * Load one module that a setting names: a file, relative to `folder`, or a package, looked for from `folder`
 * upwards and then beside Stowage itself. The package's `import` condition counts, as for any import.
 *
 * A module that imports `stowage/driver` gets the copy that is installed where it lies, or else this one: so a
 * single file in an empty folder is a driver.
 *
 * @returns What it exports.
 * @throws {ModuleProblem} If it is not found, or fails while it loads.
 */
export async function loadModule(name: string, folder: string): Promise<Record<string, unknown>> {
  const url = isModulePath(name) ? fileOf(name, folder) : packageOf(name, folder);
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
    throw new ModuleProblem(`a module that loads; it fails with ${describe(error)}`, error);
  } finally {
    hooks.deregister();
  }
}

function fileOf(name: string, folder: string): string {
  const path = /^file:/i.test(name) ? fileURLToPath(name) : resolve(folder, name);
  if (!existsSync(path)) throw new ModuleProblem(`the path of a file; there is none at ${path}`);
  return pathToFileURL(path).href;
}

function packageOf(name: string, folder: string): string {
  const from = pathToFileURL(join(folder, "package.json")).href;
  const base = [from, import.meta.url].find((candidate) => isInstalled(name, candidate));
  if (base === undefined) throw new ModuleProblem(notInstalled(name, folder));
  // The resolution of `import` itself, which takes no other starting point than the importing file.
  const hooks = registerHooks({
    resolve: (specifier, context, next) => next(specifier, { ...context, parentURL: base }),
  });
  try {
    return import.meta.resolve(name);
  } catch (error) {
    throw new ModuleProblem(`a package that can be imported; ${describe(error)}`, error);
  } finally {
    hooks.deregister();
  }
}

function isInstalled(name: string, base: string): boolean {
  try {
    return findPackageJSON(name, base) !== undefined;
  } catch {
    return false;
  }
}

function notInstalled(name: string, folder: string): string {
  if (existsSync(resolve(folder, name))) return `./${name}, if the file of that name is meant`;
  const [first = "", second = ""] = name.split("/");
  const installed = first.startsWith("@") ? `${first}/${second}` : first;
  return `an installed package; none is found from ${folder} upwards nor beside Stowage (npm install ${installed})`;
}

/** One line, whatever was thrown. */
function describe(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.split("\n", 1)[0] ?? "";
}
