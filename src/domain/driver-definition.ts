import type { DriverDefinition } from "./ports/storage-driver.ts";

/** Marks what `defineDriver` made, across two installed copies of the package, where `instanceof` fails. */
const BRAND = Symbol.for("stowage.driver");

/**
 * The version of the driver port. It rises when a driver written for the last one could not keep its
 * promises any more; a group or an option that is added does not raise it.
 */
export const DRIVER_PORT_VERSION = 1;

/** Mark and freeze a definition. Nobody but `defineDriver` calls this. */
export function brandDriver(definition: DriverDefinition): DriverDefinition {
  return Object.freeze(
    Object.defineProperty({ ...definition }, BRAND, { value: DRIVER_PORT_VERSION }),
  );
}

/**
 * The version of the port that a definition was made for, by whichever copy of the package.
 *
 * @returns `null` for whatever is no definition.
 */
export function driverPortVersion(value: unknown): number | null {
  if (typeof value !== "object" || value === null) return null;
  const version: unknown = Reflect.get(value, BRAND);
  return typeof version === "number" ? version : null;
}
