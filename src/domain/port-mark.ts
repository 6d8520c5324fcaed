/** Marks the results of a `define…` function. With two installed copies of the package, `instanceof` fails. */
export interface PortMark {
  /**
   * The version of the port. It rises with every incompatible change. A new group or option does not raise it.
   */
  readonly version: number;
  /** A marked and frozen copy. Only the `define…` function calls this. */
  stamp<Definition extends object>(definition: Definition): Definition;
  /**
   * The version of the port that a definition was made for, by any copy of the package.
   *
   * @returns `null` if `value` is not a definition.
   */
  versionOf(value: unknown): number | null;
}

export const DRIVER_MARK = portMark("stowage.driver", 1);
export const PROCESSOR_MARK = portMark("stowage.processor", 1);

function portMark(name: string, version: number): PortMark {
  const brand = Symbol.for(name);
  return {
    version,
    stamp: (definition) =>
      Object.freeze(Object.defineProperty({ ...definition }, brand, { value: version })),
    versionOf(value) {
      if (typeof value !== "object" || value === null) return null;
      const found: unknown = Reflect.get(value, brand);
      return typeof found === "number" ? found : null;
    },
  };
}
