import { StowageError } from "../../domain/errors.ts";
import type {
  DriverContext,
  DriverDefinition,
  StorageDriver,
} from "../../domain/ports/storage-driver.ts";
import type { StorageUri } from "../../domain/storage-uri.ts";

/**
 * The known drivers by the scheme of their URIs. A value, not a global: two services in one process may use
 * different drivers.
 */
export class DriverRegistry {
  readonly #definitions = new Map<string, DriverDefinition>();

  /** @throws {StowageError} `invalid_config` if two drivers share a name. */
  constructor(definitions: readonly DriverDefinition[]) {
    for (const definition of definitions) {
      if (this.#definitions.has(definition.name)) {
        throw new StowageError(
          "invalid_config",
          `Cannot register driver: two are named "${definition.name}"`,
        );
      }
      this.#definitions.set(definition.name, definition);
    }
  }

  /** Names of all drivers, sorted. */
  get names(): readonly string[] {
    return [...this.#definitions.keys()].sort();
  }

  /**
   * Open the storage that `uri` names.
   *
   * @throws {StowageError} `unknown_driver`, or `storage_misconfigured` from the driver's own validation.
   */
  async open(uri: StorageUri, context: DriverContext): Promise<StorageDriver> {
    const definition = this.#definitions.get(uri.scheme);
    if (definition === undefined) {
      throw new StowageError(
        "unknown_driver",
        `Cannot open storage: no driver is named "${uri.scheme}" (known: ${this.names.join(", ")}; STOWAGE_DRIVERS loads others)`,
      );
    }
    // `id` is not an option of the driver but the identity of the storage, see storage-identity.ts.
    const options: Record<string, string> = { ...uri.options };
    delete options["id"];
    if (uri.authority !== "") options["authority"] = uri.authority;
    if (uri.path !== "") options["path"] = uri.path;
    return await definition.open(options, context);
  }
}
