import { isStowageError, StowageError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type { DriverCheck, StorageDriver } from "../../domain/ports/storage-driver.ts";
import { withTimeout } from "./with-timeout.ts";

/** What a probe of a storage found. */
export interface StorageHealth {
  readonly service: string;
  readonly status: "healthy" | "unhealthy";
  /** The code of the first thing that failed. */
  readonly errorCode: string | null;
  /** Which steps were tried, and whether they worked. */
  readonly steps: readonly { readonly name: string; readonly ok: boolean }[];
  /** When, in milliseconds since 1970. */
  readonly checkedAt: number;
}

/** A good answer is reused for this long: probes cost writes, on S3 also versions and money. */
export const HEALTHY_FOR_MS = 30_000;
/** A bad one is looked at again soon, so that readiness comes back with the storage. */
const UNHEALTHY_FOR_MS = 2_000;
/** Whoever asks for readiness does not wait for long, and silence is an answer, too. */
const TIMEOUT_MS = 5_000;

/** Finds out whether a storage takes, gives and deletes, without asking it at every turn. */
export class StorageProbe {
  readonly #driver: Pick<StorageDriver, "name" | "check">;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #timeoutMs: number;
  #last: StorageHealth | null = null;
  #lastStatus: StorageHealth["status"] = "healthy";
  #asking: Promise<StorageHealth> | null = null;

  constructor(
    driver: Pick<StorageDriver, "name" | "check">,
    clock: Clock,
    logger: Logger,
    timeoutMs = TIMEOUT_MS,
  ) {
    this.#driver = driver;
    this.#clock = clock;
    this.#logger = logger;
    this.#timeoutMs = timeoutMs;
  }

  /** Something has just failed: the next answer is found anew. */
  forget(): void {
    this.#last = null;
  }

  /** The last answer, if it is recent enough and `fresh` is not asked for; else a new one. */
  async health(fresh: boolean): Promise<StorageHealth> {
    const last = this.#last;
    if (last !== null && !fresh) {
      const ageMs = this.#clock.now() - last.checkedAt;
      if (ageMs < (last.status === "healthy" ? HEALTHY_FOR_MS : UNHEALTHY_FOR_MS)) return last;
    }
    // Whoever asks meanwhile waits for the same answer.
    this.#asking ??= this.#ask(fresh).finally(() => {
      this.#asking = null;
    });
    return await this.#asking;
  }

  async #ask(fresh: boolean): Promise<StorageHealth> {
    // Only what worked a while ago, and has not failed since.
    const quick = !fresh && this.#last?.status === "healthy";
    const check = await this.#check(quick);
    const health = this.#toHealth(check);
    if (health.status !== this.#lastStatus) {
      const { status, errorCode } = health;
      const error = check.steps.find((step) => !step.ok)?.error;
      // What to do about it is in the message, which only operators may read.
      this.#logger.warn("storage.health_changed", {
        status,
        errorCode,
        ...(error === undefined ? {} : { error }),
      });
    }
    this.#lastStatus = health.status;
    this.#last = health;
    return health;
  }

  async #check(quick: boolean): Promise<DriverCheck> {
    try {
      return await withTimeout(this.#timeoutMs, "check storage", (signal) =>
        this.#driver.check({ signal, quick }),
      );
    } catch (error) {
      return { healthy: false, steps: [{ name: "read", ok: false, error }] };
    }
  }

  #toHealth(check: DriverCheck): StorageHealth {
    const failed = check.steps.find((step) => !step.ok);
    const healthy = check.healthy && failed === undefined;
    return {
      service: serviceOf(this.#driver.name),
      status: healthy ? "healthy" : "unhealthy",
      errorCode: healthy ? null : wrapDriverError(this.#driver.name, "check", failed?.error).code,
      steps: check.steps.map(({ name, ok }) => ({ name, ok })),
      checkedAt: this.#clock.now(),
    };
  }
}

/** How health names the storages of a driver. */
export function serviceOf(driverName: string): string {
  return `${driverName}_file_storage`;
}

/** A driver owes us its own errors; a third party's may throw anything, even strings. */
export function wrapDriverError(driver: string, verb: string, error: unknown): StowageError {
  if (isStowageError(error)) return error;
  return new StowageError("storage_unavailable", `Cannot ${verb}: the ${driver} driver failed`, {
    cause: error,
    retryable: true,
  });
}
