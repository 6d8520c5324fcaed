import { mask } from "../../config/mask.ts";
import { ConfigError, type ConfigProblem } from "../../config.ts";
import { ModuleProblem } from "./module-exports.ts";

/** A module, and the setting that names it. */
export interface NamedModule {
  readonly name: string;
  readonly variable: string;
}

/**
 * Collect what modules define. Names must be unique.
 *
 * @param known Definitions that already exist; their names are taken.
 * @param definitionsIn Returns what one module defines. Throws `ModuleProblem` if the module cannot be used.
 * @returns The new definitions, in the order of the modules.
 * @throws {ConfigError} With a problem for every module that cannot be used.
 */
export async function gatherDefinitions<Definition extends { readonly name: string }>(
  word: string,
  modules: readonly NamedModule[],
  known: readonly Pick<Definition, "name">[],
  definitionsIn: (module: NamedModule) => Promise<readonly Definition[]>,
): Promise<readonly Definition[]> {
  const gathered: Definition[] = [];
  const taken = new Map(known.map(({ name }) => [name, "taken"]));
  const problems: ConfigProblem[] = [];
  for (const module of modules) {
    const read = mask(module.name, false);
    try {
      for (const definition of await definitionsIn(module)) {
        const state = taken.get(definition.name);
        if (state !== undefined) {
          throw new ModuleProblem(`a ${word} with a unique name; "${definition.name}" is ${state}`);
        }
        taken.set(definition.name, `taken by ${read}`);
        gathered.push(definition);
      }
    } catch (error) {
      if (!(error instanceof ModuleProblem)) throw error;
      problems.push({ variable: module.variable, read, expected: error.expected });
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return gathered;
}
