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

/** One dependency, and whether the service can work with it now. */
export interface HealthCheck {
  readonly name: "storage" | "records" | "processing" | "fallbacks";
  readonly status: "healthy" | "unhealthy";
  readonly errorCode: string | null;
}

/** Connections of the server: those that are open, and how many may be. */
export interface ConnectionCount {
  readonly open: number;
  readonly limit: number;
}

export interface Readiness {
  readonly ready: boolean;
  readonly checks: readonly HealthCheck[];
  /** `null` where the server is not ours. */
  readonly connections: ConnectionCount | null;
}

/** The health of one storage, as operators see it. */
export interface OperatorHealth
  extends StorageHealth,
    Pick<FileStorage, "id" | "display" | "corruption"> {
  /** How many files are not where their records say; `null` if the records could not be asked. */
  readonly missingFiles: number | null;
}

/** How long the database's answer counts. */
const RECORDS_ANSWER_MS = 2_000;

/** An operator does not wait longer for a fallback that is away. */
const RETRY_WITHIN_MS = 5_000;

interface HealthServiceDeps {
  readonly records: UploadRecords;
  readonly storages: Storages;
  readonly missing: MissingFiles;
  readonly extractor: Extractor;
  readonly clock: Clock;
  /** `null` where the server is not ours. */
  readonly connections: () => ConnectionCount | null;
}

/** Whether the service can do its job now. */
export class HealthService {
  readonly #deps: HealthServiceDeps;
  #stopping = false;
  #recordsAnswer: { readonly code: Promise<string | null>; readonly at: number } | null = null;

  constructor(deps: HealthServiceDeps) {
    this.#deps = Object.freeze({ ...deps });
  }

  /** From now on not ready: a balancer should send nothing more. */
  beginShutdown(): void {
    this.#stopping = true;
  }

  /**
   * Each dependency, probed at the same time. Uploads that cannot be processed now are still taken: the
   * extractor's trouble is told, but does not make the service unready. Nor does that of a fallback, which is not
   * asked here: one that does not answer must not keep a balancer waiting.
   */
  async ready(): Promise<Readiness> {
    const [storage, records, processing] = await Promise.all([
      this.#deps.storages.primary.health(),
      this.#askRecords(),
      codeOf(() => this.#deps.extractor.check()),
    ]);
    const checks: HealthCheck[] = [
      toCheck("storage", storage.errorCode),
      toCheck("records", records),
      toCheck("processing", processing),
    ];
    const { fallbacks, away } = this.#deps.storages;
    if (fallbacks.length + away.length > 0) {
      const [trouble = null] = [...away.map(({ error }) => error), ...fallbacks.flatMap(troubleOf)];
      checks.push(toCheck("fallbacks", trouble?.code ?? null));
    }
    const ready = !this.#stopping && storage.status === "healthy" && records === null;
    return { ready, checks, connections: this.#deps.connections() };
  }

  /** Anyone may ask, and each probe is a durable write: one answer serves all who ask within a while. */
  async #askRecords(): Promise<string | null> {
    const now = this.#deps.clock.now();
    if (this.#recordsAnswer === null || now - this.#recordsAnswer.at >= RECORDS_ANSWER_MS) {
      this.#recordsAnswer = { code: codeOf(() => this.#deps.records.check()), at: now };
    }
    return await this.#recordsAnswer.code;
  }

  /**
   * For operators: probes every storage anew, and looks again for its missing files. A fallback that was away is
   * opened if it is back.
   */
  async storages(): Promise<readonly OperatorHealth[]> {
    const retry = withTimeout(RETRY_WITHIN_MS, "open storage", () =>
      this.#deps.storages.retryAway(),
    );
    await retry.catch(() => {});
    const { all, away } = this.#deps.storages;
    const atHand = all.map(async (storage) => ({
      ...(await storage.health({ fresh: true })),
      ...{ id: storage.id, display: storage.display, corruption: storage.corruption },
    }));
    const probed = [...away.map(toHealth), ...(await Promise.all(atHand))];
    const missing = await this.#countMissing();
    return probed.map((one) => ({
      ...one,
      missingFiles: missing === null ? null : (missing.get(one.id) ?? 0),
    }));
  }

  /** Files that were restored do not count. @returns `null` if the records cannot be read. */
  async #countMissing(): Promise<ReadonlyMap<string, number> | null> {
    try {
      const missing = await this.#deps.records.countMissing();
      const concerned = this.#deps.storages.all.filter(({ id }) => missing.has(id));
      if (concerned.length === 0) return missing;
      // If a storage cannot be reached, its probe shows why.
      await Promise.allSettled(concerned.map((storage) => this.#deps.missing.lookAgain(storage)));
      return await this.#deps.records.countMissing();
    } catch (error) {
      if (!isStowageError(error)) throw error;
      return null;
    }
  }
}

function troubleOf({ trouble }: FileStorage): readonly StowageError[] {
  return trouble === null ? [] : [trouble];
}

/** One that cannot be opened has the same fields as one that fails. Its identity may be unknown: then it is empty. */
function toHealth(away: AwayStorage): Omit<OperatorHealth, "missingFiles"> {
  return {
    id: away.expectedId ?? "",
    display: away.display,
    service: serviceOf(away.driverName),
    status: "unhealthy",
    errorCode: away.error.code,
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
