import { isStowageError, type StowageError } from "../domain/errors.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { Extractor } from "../domain/ports/extractor.ts";
import type { UploadRecords } from "../domain/ports/records.ts";
import type { AwayStorage } from "./storages/away-storage.ts";
import type { FileStorage } from "./storages/file-storage.ts";
import { type StorageHealth, serviceOf } from "./storages/storage-probe.ts";
import type { Storages } from "./storages/storages.ts";
import { withTimeout } from "./storages/with-timeout.ts";
import type { MissingFiles } from "./uploads/missing-files.ts";

/** The state of one dependency. */
export interface HealthCheck {
  readonly name: "storage" | "records" | "processing" | "fallbacks";
  readonly status: "healthy" | "unhealthy";
  readonly errorCode: string | null;
}

/** The open connections of the server, and its limit. */
export interface ConnectionCount {
  readonly open: number;
  readonly limit: number;
}

export interface Readiness {
  readonly ready: boolean;
  readonly checks: readonly HealthCheck[];
  /** `null` if Stowage does not run the server. */
  readonly connections: ConnectionCount | null;
}

/** The health of one storage, for operators. */
export interface OperatorHealth
  extends StorageHealth,
    Pick<FileStorage, "id" | "display" | "corruption"> {
  /** How many files are missing; `null` if the records are unavailable. */
  readonly missingFiles: number | null;
}

/** How long a check of the records is cached. */
const RECORDS_CHECK_MS = 2_000;

/** How long an operator waits for an unreachable fallback. */
const RETRY_WITHIN_MS = 5_000;

interface HealthServiceDeps {
  readonly records: UploadRecords;
  readonly storages: Storages;
  readonly missing: MissingFiles;
  readonly extractor: Extractor;
  readonly clock: Clock;
  /** `null` if Stowage does not run the server. */
  readonly connections: () => ConnectionCount | null;
}

/** Reports whether the service works. */
export class HealthService {
  readonly #deps: HealthServiceDeps;
  #stopping = false;
  #recordsCheck: { readonly code: Promise<string | null>; readonly at: number } | null = null;

  constructor(deps: HealthServiceDeps) {
    this.#deps = Object.freeze({ ...deps });
  }

  /** Report not ready from now on, so that a load balancer sends no more requests. */
  beginShutdown(): void {
    this.#stopping = true;
  }

  /**
   * Probe the dependencies in parallel. Problems of the extractor are reported, but the service stays ready: uploads
   * are accepted and processed later. The same applies to fallbacks, which are not probed here, so that a slow one does
   * not delay the load balancer.
   */
  async ready(): Promise<Readiness> {
    const [storage, records, processing] = await Promise.all([
      this.#deps.storages.primary.health(),
      this.#checkRecords(),
      codeOf(() => this.#deps.extractor.check()),
    ]);
    const checks: HealthCheck[] = [
      toCheck("storage", storage.errorCode),
      toCheck("records", records),
      toCheck("processing", processing),
    ];
    const { fallbacks, away } = this.#deps.storages;
    if (fallbacks.length + away.length > 0) {
      const [problem = null] = [...away.map(({ error }) => error), ...fallbacks.flatMap(problemOf)];
      checks.push(toCheck("fallbacks", problem?.code ?? null));
    }
    const ready = !this.#stopping && storage.status === "healthy" && records === null;
    return { ready, checks, connections: this.#deps.connections() };
  }

  /** The endpoint is public and each probe is a durable write, so the result is cached. */
  async #checkRecords(): Promise<string | null> {
    const now = this.#deps.clock.now();
    if (this.#recordsCheck === null || now - this.#recordsCheck.at >= RECORDS_CHECK_MS) {
      this.#recordsCheck = { code: codeOf(() => this.#deps.records.check()), at: now };
    }
    return await this.#recordsCheck.code;
  }

  /**
   * For operators: probe every storage and look again for its missing files. Opens unreachable fallbacks that are
   * back.
   */
  async storages(): Promise<readonly OperatorHealth[]> {
    const retry = withTimeout(RETRY_WITHIN_MS, "open storage", () =>
      this.#deps.storages.retryAway(),
    );
    await retry.catch(() => {});
    const { all, away } = this.#deps.storages;
    const atHand = all.map(async (storage) => ({
      ...(await storage.health({ fresh: true })),
      id: storage.id,
      display: storage.display,
      corruption: storage.corruption,
    }));
    const probed = [...away.map(toHealth), ...(await Promise.all(atHand))];
    const missing = await this.#countMissing();
    return probed.map((one) => ({
      ...one,
      missingFiles: missing === null ? null : (missing.get(one.id) ?? 0),
    }));
  }

  /** Without files that were restored. @returns `null` if the records are unavailable. */
  async #countMissing(): Promise<ReadonlyMap<string, number> | null> {
    try {
      const missing = await this.#deps.records.countMissing();
      const concerned = this.#deps.storages.all.filter(({ id }) => missing.has(id));
      if (concerned.length === 0) return missing;
      // If a storage cannot be reached, its probe shows why.
      await Promise.allSettled(concerned.map((storage) => this.#deps.missing.recheck(storage)));
      return await this.#deps.records.countMissing();
    } catch (error) {
      if (!isStowageError(error)) throw error;
      return null;
    }
  }
}

function problemOf({ problem }: FileStorage): readonly StowageError[] {
  return problem === null ? [] : [problem];
}

/** Same fields as for an open storage. `id` is empty if the identity is unknown. */
function toHealth(away: AwayStorage): Omit<OperatorHealth, "missingFiles"> {
  return {
    id: away.expectedId ?? "",
    display: away.display,
    service: serviceOf(away.driverName),
    status: "unhealthy",
    errorCode: away.error.code,
    advice: away.error.advice ?? null,
    steps: [{ name: "read", ok: false }],
    corruption: { reads: 0, lastAt: null },
    checkedAt: away.checkedAt,
  };
}

function toCheck(name: HealthCheck["name"], errorCode: string | null): HealthCheck {
  return { name, status: errorCode === null ? "healthy" : "unhealthy", errorCode };
}

async function codeOf(probe: () => Promise<void>): Promise<string | null> {
  try {
    await probe();
    return null;
  } catch (error) {
    return isStowageError(error) ? error.code : "internal";
  }
}
