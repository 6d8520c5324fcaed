import { createApiKeyAuthenticator } from "./adapters/auth/api-key.ts";
import { createBearerAuthenticator } from "./adapters/auth/bearer.ts";
import { createJwtAuthenticator } from "./adapters/auth/jwt.ts";
import { hasher } from "./adapters/hash.ts";
import { createInProcessQueue } from "./adapters/queue/in-process.ts";
import { sniffer } from "./adapters/sniffer.ts";
import { DownloadService } from "./application/download-service.ts";
import { DriverRegistry } from "./application/driver-registry.ts";
import { FileStorage } from "./application/file-storage.ts";
import { HealthService } from "./application/health-service.ts";
import { ProcessingService } from "./application/processing-service.ts";
import { ProcessingWorker } from "./application/processing-worker.ts";
import { ProcessorCatalog } from "./application/processor-catalog.ts";
import { Reconciler } from "./application/reconciler.ts";
import { findStorageId, identifyStorage } from "./application/storage-identity.ts";
import { Storages } from "./application/storages.ts";
import { UploadService } from "./application/upload-service.ts";
import type { Config } from "./config.ts";
import type { ByteStream } from "./domain/bytes.ts";
import { StowageError } from "./domain/errors.ts";
import type { ApiKeyRecords } from "./domain/ports/api-keys.ts";
import type { Authenticator } from "./domain/ports/authenticator.ts";
import type { Clock, RandomSource } from "./domain/ports/clock.ts";
import type { Extractor } from "./domain/ports/extractor.ts";
import type { Host } from "./domain/ports/host.ts";
import type { Logger } from "./domain/ports/logger.ts";
import type { StorageUsage, UploadRecords } from "./domain/ports/records.ts";
import type {
  DriverContext,
  DriverDefinition,
  StorageDriver,
} from "./domain/ports/storage-driver.ts";
import type { StorageUri } from "./domain/storage-uri.ts";
import { createApp, type HttpApp } from "./http/app.ts";

/** What a runtime, a host application or a test brings along. */
export interface StowageParts {
  /** Drivers that storage URIs may name. */
  readonly drivers: readonly DriverDefinition[];
  readonly records: UploadRecords;
  /** Keys that callers may show. */
  readonly keys: ApiKeyRecords;
  /** Runs the processors. */
  readonly extractor: Extractor;
  /** Who is calling, instead of JWTs and API keys. */
  readonly authenticate?: Authenticator["authenticate"];
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: RandomSource;
  /** How drivers and key sets reach the network. Default: the runtime's own. */
  readonly fetch?: typeof globalThis.fetch;
  readonly host?: Host;
  /** Told in the OpenAPI document. */
  readonly version?: string;
  /** The body of a request as the runtime received it, where that is faster than `request.body`. */
  readonly requestBody?: (env: unknown) => ByteStream | null;
}

/** The service, ready to answer. */
export interface Stowage {
  /** Answers a request: mount it anywhere. */
  readonly fetch: HttpApp["fetch"];
  /** The routes that `fetch` answers. */
  readonly endpoints: HttpApp["endpoints"];
  readonly storages: Storages;
  readonly uploads: UploadService;
  readonly downloads: DownloadService;
  readonly processing: ProcessingService;
  readonly health: HealthService;
  readonly reconciler: Reconciler;
  readonly worker: ProcessingWorker;
  /** Begin the work in the background: reconciling and processing. */
  start(): void;
  /** Stop it, hand jobs back and let the storages go. Records and extractor stay with who brought them. */
  close(): Promise<void>;
}

/** Other processes may queue jobs; ours wake the worker at once. */
const POLL_FOR_JOBS_MS = 5_000;

/**
 * Put the service together.
 *
 * @throws {StowageError} `unknown_driver`, `storage_misconfigured`, `storage_*` if a storage cannot be
 *   opened, and `storage_misconfigured` if uploads lie in a storage that is not configured.
 */
export async function createStowage(config: Config, parts: StowageParts): Promise<Stowage> {
  const { records, extractor, logger, clock, random } = parts;
  const storages = await openStorages(config, parts);
  const queue = createInProcessQueue(logger);
  const catalog = new ProcessorCatalog(extractor.processors);
  const leaseMs = config.uploads.leaseSeconds * 1000;
  const uploads = new UploadService({
    ...{ records, storages, catalog, queue, clock, random, logger },
    policy: {
      maxUploadBytes: config.uploads.maxBytes,
      autoProcess: config.uploads.autoProcess,
      allowedTypes: config.uploads.allowedContentTypes,
      leaseMs,
    },
  });
  const downloads = new DownloadService({ records, storages });
  const processing = new ProcessingService({ records, storages, catalog, queue, logger });
  const health = new HealthService({ records, storages, extractor, clock });
  const reconciler = new Reconciler({ records, storages, clock, logger, deleteGraceMs: leaseMs });
  const worker = new ProcessingWorker({
    ...{ records, storages, extractor, queue, clock, random, logger },
    policy: {
      maxAttempts: config.processing.maxAttempts,
      leaseMs: config.processing.leaseSeconds * 1000,
      pollMs: POLL_FOR_JOBS_MS,
    },
  });
  const app = createApp(
    { uploads, downloads, processing, health, authenticator: authenticatorOf(config, parts) },
    {
      ...{ logger, clock, random },
      maxUploadBytes: config.uploads.maxBytes,
      publicUrl: config.server.publicUrl,
      ...(parts.version === undefined ? {} : { version: parts.version }),
      ...(parts.requestBody === undefined ? {} : { requestBody: parts.requestBody }),
    },
  );
  return {
    ...{ fetch: app.fetch, endpoints: app.endpoints },
    ...{ storages, uploads, downloads, processing, health, reconciler, worker },
    start() {
      // Told now: a configuration fault would otherwise look like documents that wait.
      extractor.check().catch((error) => logger.error("processing.unavailable", { error }));
      reconciler.start(config.uploads.reconcileIntervalSeconds * 1000);
      worker.start();
    },
    async close() {
      health.beginShutdown();
      await Promise.all([worker.stop(), reconciler.stop()]);
      await storages.close();
    },
  };
}

function authenticatorOf(config: Config, parts: StowageParts): Authenticator {
  if (parts.authenticate !== undefined) return { authenticate: parts.authenticate };
  const { clock } = parts;
  const { jwt } = config.auth;
  return createBearerAuthenticator({
    apiKeys: createApiKeyAuthenticator(parts.keys, hasher, clock),
    jwt:
      jwt === null
        ? undefined
        : createJwtAuthenticator(jwt, { clock, fetch: parts.fetch ?? globalThis.fetch }),
  });
}

interface OpenedDriver {
  readonly uri: StorageUri;
  readonly driver: StorageDriver;
  /** `null` for a storage that nobody has used yet. */
  readonly id: string | null;
}

async function openStorages(config: Config, parts: StowageParts): Promise<Storages> {
  const registry = new DriverRegistry(parts.drivers);
  const opened: OpenedDriver[] = [];
  try {
    for (const uri of [...config.storage.fallbacks, config.storage.primary]) {
      const driver = await registry.open(uri, driverContext(uri, parts));
      opened.push({ uri, driver, id: uri.options["id"] ?? (await findStorageId(driver)) });
    }
    // Before anything is written: a mistyped path must not become a storage of its own.
    await refuseMissing(new Set(opened.map(({ id }) => id)), parts);
    const storages: FileStorage[] = [];
    for (const one of opened) storages.push(await toFileStorage(one, parts));
    for (const storage of storages) await parts.records.noteStorage(storage.id, storage.display);
    return new Storages(storages.at(-1) as FileStorage, storages.slice(0, -1));
  } catch (error) {
    await Promise.allSettled(opened.map(({ driver }) => driver.dispose?.()));
    throw error;
  }
}

function driverContext(uri: StorageUri, parts: StowageParts): DriverContext {
  return {
    fetch: parts.fetch ?? globalThis.fetch,
    now: () => parts.clock.now(),
    random: parts.random,
    logger: parts.logger.with({ driver: uri.scheme }),
    hash: hasher,
    ...(parts.host === undefined ? {} : { host: parts.host }),
  };
}

async function toFileStorage(opened: OpenedDriver, parts: StowageParts): Promise<FileStorage> {
  const { clock, random, logger } = parts;
  const { driver, uri } = opened;
  const id = await identifyStorage(driver, { clock, random }, opened.id);
  return new FileStorage({ id, display: uri.display, driver, hasher, sniffer, clock, logger });
}

/** Uploads in a storage that is not at hand would be 503s later: said now, and all of them. */
async function refuseMissing(
  known: ReadonlySet<string | null>,
  parts: StowageParts,
): Promise<void> {
  const missing = (await parts.records.storageUsage()).filter(
    ({ storageId, uploads }) => uploads > 0 && !known.has(storageId),
  );
  const isMemory = ({ display }: StorageUsage) => display.startsWith("memory:");
  // What lay in memory is lost with its process; no setting brings it back.
  for (const { storageId } of missing.filter(isMemory)) {
    const uploads = await parts.records.dropStorage(storageId);
    parts.logger.warn("storage.lost_with_memory", { storageId, uploads });
  }
  const wanted = missing.filter((usage) => !isMemory(usage));
  if (wanted.length === 0) return;
  const list = wanted.map(
    ({ storageId, display, uploads }) => `${uploads} in ${display} (storage ${storageId})`,
  );
  throw new StowageError(
    "storage_misconfigured",
    `Cannot start: uploads lie in storages that are not configured: ${list.join("; ")}; name them in FILE_STORAGE_FALLBACK, or correct FILE_STORAGE_TYPE and FILE_STORAGE_PATH`,
  );
}
