import { isStowageError, StowageError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type { DriverCheck, StorageDriver } from "../../domain/ports/storage-driver.ts";
import { withTimeout } from "./with-timeout.ts";

/** The result of a probe. */
export interface StorageHealth {
  readonly service: string;
  readonly status: "healthy" | "unhealthy";
  /** The code of the first thing that failed. */
  readonly errorCode: string | null;
  /** What an operator can do about it, if its driver knows. */
  readonly advice: string | null;
  /** The steps that were tried, and whether they worked. */
  readonly steps: readonly { readonly name: string; readonly ok: boolean }[];
  /** When, in milliseconds since 1970. */
  readonly checkedAt: number;
}

/** A good result is reused for this long: probes cost writes, and on S3 versions and money. */
export const HEALTHY_FOR_MS = 30_000;
/** A bad result is checked again soon, so that readiness recovers with the storage. */
const UNHEALTHY_FOR_MS = 2_000;
/** A readiness check must respond soon. A storage that does not respond is unhealthy. */
const TIMEOUT_MS = 5_000;

interface StorageProbeDeps {
  readonly driver: Pick<StorageDriver, "name" | "check">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default: 5 seconds. */
  readonly timeoutMs?: number | undefined;
}

/** Checks whether a storage can write, read and delete. Caches the result. */
export class StorageProbe {
  readonly #deps: StorageProbeDeps;
  #last: StorageHealth | null = null;
  #lastStatus: StorageHealth["status"] = "healthy";
  #probing: Promise<StorageHealth> | null = null;

  constructor(deps: StorageProbeDeps) {
    this.#deps = Object.freeze({ ...deps });
  }

  /** A call has just failed: probe again next time. */
  forget(): void {
    this.#last = null;
  }

  /** The last result if it is recent, unless `fresh` is set; otherwise a new one. */
  async health(fresh: boolean): Promise<StorageHealth> {
    const last = this.#last;
    if (last !== null && !fresh) {
      const ageMs = this.#deps.clock.now() - last.checkedAt;
      if (ageMs < (last.status === "healthy" ? HEALTHY_FOR_MS : UNHEALTHY_FOR_MS)) return last;
    }
    // Concurrent callers share the same probe.
    this.#probing ??= this.#probe(fresh).finally(() => {
      this.#probing = null;
    });
    return await this.#probing;
  }

  async #probe(fresh: boolean): Promise<StorageHealth> {
    // A quick check is enough if the last one passed and no call has failed since.
    const quick = !fresh && this.#last?.status === "healthy";
    const check = await this.#check(quick);
    const health = this.#toHealth(check);
    if (health.status !== this.#lastStatus) {
      const { status, errorCode } = health;
      const error = check.steps.find((step) => !step.ok)?.error;
      // Only operators may read its message and advice.
      const facts = error === undefined ? { status, errorCode } : { status, errorCode, error };
      this.#deps.logger.warn("storage.health_changed", facts);
    }
    this.#lastStatus = health.status;
    this.#last = health;
    return health;
  }

  async #check(quick: boolean): Promise<DriverCheck> {
    const { driver, timeoutMs = TIMEOUT_MS } = this.#deps;
    try {
      return await withTimeout(timeoutMs, "check storage", (signal) =>
        driver.check({ signal, quick }),
      );
    } catch (error) {
      return { healthy: false, steps: [{ name: "read", ok: false, error }] };
    }
  }

  #toHealth(check: DriverCheck): StorageHealth {
    const { name } = this.#deps.driver;
    const failed = check.steps.find((step) => !step.ok);
    const healthy = check.healthy && failed === undefined;
    const error = healthy ? null : wrapDriverError(name, "check", failed?.error);
    return {
      service: serviceOf(name),
      status: healthy ? "healthy" : "unhealthy",
      errorCode: error?.code ?? null,
      advice: error?.advice ?? null,
      steps: check.steps.map((step) => ({ name: step.name, ok: step.ok })),
      checkedAt: this.#deps.clock.now(),
    };
  }
}

/** The service name of a driver in health responses. */
export function serviceOf(driverName: string): string {
  return `${driverName}_file_storage`;
}

/** Drivers should throw StowageError, but a third-party driver may throw anything. */
export function wrapDriverError(driver: string, verb: string, error: unknown): StowageError {
  if (isStowageError(error)) return error;
  return new StowageError("storage_unavailable", `Cannot ${verb}: the ${driver} driver failed`, {
    cause: error,
    retryable: true,
  });
}
