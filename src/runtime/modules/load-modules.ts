import { existsSync } from "node:fs";
import { findPackageJSON, registerHooks } from "node:module";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isModulePath } from "../../config/module-names.ts";
import { firstLine, ModuleProblem } from "./module-exports.ts";

/**
 * Find the module that a setting names: a file relative to `folder`, or a package, searched for from `folder`
 * upwards and then beside Stowage. The package's `import` condition applies, as for any import.
 *
 * @returns The URL of the module. The module is not loaded.
 * @throws {ModuleProblem} If it is not found.
 */
export function locateModule(name: string, folder: string): string {
  return isModulePath(name) ? fileOf(name, folder) : packageOf(name, folder);
}

function fileOf(name: string, folder: string): string {
  const path = /^file:/i.test(name) ? fileURLToPath(name) : resolve(folder, name);
  if (!existsSync(path)) throw new ModuleProblem(`the path of a file; not found at ${path}`);
  return pathToFileURL(path).href;
}

function packageOf(name: string, folder: string): string {
  const from = pathToFileURL(join(folder, "package.json")).href;
  const base = [from, import.meta.url].find((candidate) => isInstalled(name, candidate));
  if (base === undefined) throw new ModuleProblem(notInstalled(name, folder));
  // `import.meta.resolve` always starts from this file; the hook changes the starting point.
  const hooks = registerHooks({
    resolve: (specifier, context, next) => next(specifier, { ...context, parentURL: base }),
  });
  try {
    return import.meta.resolve(name);
  } catch (error) {
    throw new ModuleProblem(`a package that can be imported; ${firstLine(error)}`, error);
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
  if (existsSync(resolve(folder, name))) return `./${name}, if you mean the file`;
  const [first = "", second = ""] = name.split("/");
  const installed = first.startsWith("@") ? `${first}/${second}` : first;
  return `an installed package; not found from ${folder} upwards or beside Stowage (npm install ${installed})`;
}
