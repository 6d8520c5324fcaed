import { mask } from "../config/mask.ts";
import { ConfigError, type ConfigProblem } from "../config.ts";
import { DRIVER_PORT_VERSION, driverPortVersion } from "../domain/driver-definition.ts";
import type { DriverDefinition } from "../domain/ports/storage-driver.ts";
import { loadModule, ModuleProblem } from "./load-modules.ts";

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
  const drivers = [...known];
  const taken = new Map(known.map(({ name }) => [name, "taken already"]));
  const problems: ConfigProblem[] = [];
  for (const name of names) {
    try {
      for (const driver of driversOf(await loadModule(name, folder))) {
        const state = taken.get(driver.name);
        if (state !== undefined) {
          throw new ModuleProblem(`a driver with a name of its own; "${driver.name}" is ${state}`);
        }
        taken.set(driver.name, `the name of one in ${mask(name, false)}`);
        drivers.push(driver);
      }
    } catch (error) {
      if (!(error instanceof ModuleProblem)) throw error;
      const read = mask(name, false);
      problems.push({ variable: "STOWAGE_DRIVERS", read, expected: error.expected });
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return drivers;
}

function driversOf(exports: Record<string, unknown>): readonly DriverDefinition[] {
  const { default: found } = exports;
  const values = Array.isArray(found) && found.length > 0 ? found : [found];
  return values.map((value: unknown) => requireDriver(value, exports));
}

function requireDriver(value: unknown, exports: Record<string, unknown>): DriverDefinition {
  const version = driverPortVersion(value);
  if (version === DRIVER_PORT_VERSION) return value as DriverDefinition;
  throw new ModuleProblem(
    version === null
      ? `a default export made by defineDriver, or an array of them; it exports ${listOf(exports)}`
      : `a driver for version ${DRIVER_PORT_VERSION} of the driver port; it is made for version ${version} (install the release of either that fits)`,
  );
}

function listOf(exports: Record<string, unknown>): string {
  const names = Object.entries(exports).map(
    ([name, value]) => `${name} (${Array.isArray(value) ? "array" : typeof value})`,
  );
  return names.length > 0 ? names.join(", ") : "nothing";
}
