import { DRIVER_MARK } from "../../domain/port-mark.ts";
import type { DriverDefinition } from "../../domain/ports/storage-driver.ts";
import { gatherDefinitions } from "./gather-definitions.ts";
import { locateModule } from "./load-modules.ts";
import { definitionsOf, importModule, type ModuleKind } from "./module-exports.ts";

const DRIVER: ModuleKind = { word: "driver", maker: "defineDriver", mark: DRIVER_MARK };

/**
 * Load the drivers that `STOWAGE_DRIVERS` names. The default export of each module is a result of `defineDriver`,
 * or an array of them.
 *
 * @param folder Where to look for paths and packages: the working directory.
 * @param known Drivers that already exist; their names are taken.
 * @returns `known`, followed by the loaded drivers.
 * @throws {ConfigError} With a problem for every module that cannot be used.
 */
export async function loadDrivers(
  names: readonly string[],
  folder: string,
  known: readonly DriverDefinition[],
): Promise<readonly DriverDefinition[]> {
  const modules = names.map((name) => ({ name, variable: "STOWAGE_DRIVERS" }));
  const loaded = await gatherDefinitions("driver", modules, known, async ({ name }) => {
    const exports = await importModule(locateModule(name, folder));
    return definitionsOf(exports, DRIVER) as readonly DriverDefinition[];
  });
  return [...known, ...loaded];
}
