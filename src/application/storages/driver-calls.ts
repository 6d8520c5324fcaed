import { isStowageError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type { StorageDriver } from "../../domain/ports/storage-driver.ts";
import { type IdentityGuard, RECENT_CHECK_MS } from "./identity-guard.ts";
import { wrapDriverError } from "./storage-probe.ts";

/** Calls the driver of a storage: measures time, converts errors, and checks that it is still the right storage. */
export class DriverCalls {
  readonly #deps: DriverCallsDeps;

  constructor(deps: DriverCallsDeps) {
    this.#deps = Object.freeze({ ...deps });
  }

  /** A call that changes something, or whose empty result would lead to a change. Refused while the storage is replaced. */
  async guarded<Result>(verb: string, operation: () => Promise<Result>): Promise<Result> {
    const { identity } = this.#deps;
    return await this.#run(verb, async () => {
      await identity?.assertSame();
      return await operation();
    });
  }

  /** Read an object. If it is missing, check that this is the right storage. */
  async get<Result>(operation: () => Promise<Result>): Promise<Result> {
    const { identity } = this.#deps;
    return await this.#run("get", async () => {
      try {
        return await operation();
      } catch (error) {
        if (isStowageError(error, "object_not_found")) await identity?.assertFound();
        throw error;
      }
    });
  }

  /** Look up an object. If it is missing, check that this is the right storage. */
  async head<Result>(operation: () => Promise<Result | null>): Promise<Result | null> {
    const { identity } = this.#deps;
    return await this.#run("head", async () => {
      const found = await operation();
      // Clean-up looks up many keys, most of them missing: a recent check is enough.
      if (found === null) await identity?.assertFound(RECENT_CHECK_MS);
      return found;
    });
  }

  async #run<Result>(verb: string, operation: () => Promise<Result>): Promise<Result> {
    const { driver, clock, logger, onFailure } = this.#deps;
    const startedAt = clock.now();
    try {
      const result = await operation();
      logger.debug(`storage.${verb}`, { durationMs: clock.now() - startedAt });
      return result;
    } catch (error) {
      const wrapped = wrapDriverError(driver.name, verb, error);
      if (wrapped.code.startsWith("storage_")) {
        onFailure();
        logger.warn("storage.failed", {
          verb,
          durationMs: clock.now() - startedAt,
          error: wrapped,
        });
      }
      throw wrapped;
    }
  }
}

interface DriverCallsDeps {
  readonly driver: Pick<StorageDriver, "name">;
  /** `null`: the storage holds no identity to check. */
  readonly identity: IdentityGuard | null;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called when a call to the storage failed. */
  readonly onFailure: () => void;
}
