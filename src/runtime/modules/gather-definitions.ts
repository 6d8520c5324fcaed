import { mask } from "../../config/mask.ts";
import { ConfigError, type ConfigProblem } from "../../config.ts";
import { ModuleProblem } from "./module-exports.ts";

/** A module, and where somebody has named it. */
export interface NamedModule {
  readonly name: string;
  readonly variable: string;
}

/**
 * Put together what modules define, each under a name of its own.
 *
 * @param known What is there already. Nothing else may have the name of one.
 * @param definitionsIn What one module defines. Throws `ModuleProblem` where that cannot be told.
 * @returns What was added to `known`, in the order of the modules.
 * @throws {ConfigError} With a problem for every module that cannot be used.
 */
export async function gatherDefinitions<Definition extends { readonly name: string }>(
  word: string,
  modules: readonly NamedModule[],
  known: readonly Pick<Definition, "name">[],
  definitionsIn: (module: NamedModule) => Promise<readonly Definition[]>,
): Promise<readonly Definition[]> {
  const gathered: Definition[] = [];
  const taken = new Map(known.map(({ name }) => [name, "taken already"]));
  const problems: ConfigProblem[] = [];
  for (const module of modules) {
    const read = mask(module.name, false);
    try {
      for (const definition of await definitionsIn(module)) {
        const state = taken.get(definition.name);
        if (state !== undefined) {
          throw new ModuleProblem(
            `a ${word} with a name of its own; "${definition.name}" is ${state}`,
          );
        }
        taken.set(definition.name, `the name of one in ${read}`);
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
