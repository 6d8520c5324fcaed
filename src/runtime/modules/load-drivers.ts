import { DRIVER_MARK } from "../../domain/port-mark.ts";
import type { DriverDefinition } from "../../domain/ports/storage-driver.ts";
import { gatherDefinitions } from "./gather-definitions.ts";
import { locateModule } from "./load-modules.ts";
import { definitionsOf, importModule, type ModuleKind } from "./module-exports.ts";

const DRIVER: ModuleKind = { word: "driver", maker: "defineDriver", mark: DRIVER_MARK };

/**
 * Load the drivers that `STOWAGE_DRIVERS` names. Each module's default export is what `defineDriver` gave, or
 * an array of such.
 *
 * @param folder Where paths and packages are looked for: the working directory.
 * @param known Drivers that are there already. No other may have the name of one.
 * @returns `known`, and after them those that were loaded.
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
