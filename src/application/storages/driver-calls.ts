import { isStowageError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type { StorageDriver } from "../../domain/ports/storage-driver.ts";
import { type IdentityGuard, RECENT_LOOK_MS } from "./identity-guard.ts";
import { wrapDriverError } from "./storage-probe.ts";

/** How a storage calls its driver: timed, with errors of ours, and only as long as it is the right storage. */
export class DriverCalls {
  readonly #parts: DriverCallsParts;

  constructor(parts: DriverCallsParts) {
    this.#parts = Object.freeze({ ...parts });
  }

  /** A call that changes something, or whose empty result would. Refused while the storage is replaced. */
  async guarded<Result>(verb: string, operation: () => Promise<Result>): Promise<Result> {
    const { identity } = this.#parts;
    return await this.#run(verb, async () => {
      await identity?.assertSame();
      return await operation();
    });
  }

  /** Read an object. That it is missing counts only in the right storage. */
  async get<Result>(operation: () => Promise<Result>): Promise<Result> {
    const { identity } = this.#parts;
    return await this.#run("get", async () => {
      try {
        return await operation();
      } catch (error) {
        if (isStowageError(error, "object_not_found")) await identity?.assertFound();
        throw error;
      }
    });
  }

  /** Look for an object; `null` counts only in the right storage. */
  async head<Result>(operation: () => Promise<Result | null>): Promise<Result | null> {
    const { identity } = this.#parts;
    return await this.#run("head", async () => {
      const found = await operation();
      // Cleaning up looks for many keys that are mostly not there.
      if (found === null) await identity?.assertFound(RECENT_LOOK_MS);
      return found;
    });
  }

  async #run<Result>(verb: string, operation: () => Promise<Result>): Promise<Result> {
    const { driver, clock, logger, onFailure } = this.#parts;
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

interface DriverCallsParts {
  readonly driver: Pick<StorageDriver, "name">;
  /** Without it the storage cannot be told from another. */
  readonly identity: IdentityGuard | null;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called when the storage has failed a call. */
  readonly onFailure: () => void;
}
