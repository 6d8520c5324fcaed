import { createApiKeyAuthenticator } from "./adapters/auth/api-key.ts";
import { createApplicationAuthenticator } from "./adapters/auth/application.ts";
import { createBearerAuthenticator } from "./adapters/auth/bearer.ts";
import { createJwtAuthenticator } from "./adapters/auth/jwt.ts";
import { createSigner, SIGNING_SECRET_BYTES } from "./adapters/auth/signer.ts";
import { hasher } from "./adapters/hasher.ts";
import { createInProcessQueue } from "./adapters/queue/in-process.ts";
import { sniffer } from "./adapters/sniffer.ts";
import { DownloadService } from "./application/downloads/download-service.ts";
import { announceChanges } from "./application/events/announce-changes.ts";
import { EventService, type EventsPolicy } from "./application/events/event-service.ts";
import { type ConnectionCount, HealthService } from "./application/health-service.ts";
import { ProcessingService } from "./application/processing/processing-service.ts";
import { ProcessingWorker } from "./application/processing/processing-worker.ts";
import { ProcessorCatalog } from "./application/processing/processor-catalog.ts";
import { TextService } from "./application/processing/text-service.ts";
import { DriverRegistry } from "./application/storages/driver-registry.ts";
import { openStorages } from "./application/storages/open-storages.ts";
import { StorageWatch } from "./application/storages/storage-watch.ts";
import type { Storages } from "./application/storages/storages.ts";
import { withTimeout } from "./application/storages/with-timeout.ts";
import { IdempotentUploads } from "./application/uploads/idempotent-uploads.ts";
import { MissingFiles } from "./application/uploads/missing-files.ts";
import { Reconciler } from "./application/uploads/reconciler.ts";
import { TenantLimitsService } from "./application/uploads/tenant-limits-service.ts";
import { UploadEditor } from "./application/uploads/upload-editor.ts";
import { UploadService } from "./application/uploads/upload-service.ts";
import { configuredLimits } from "./config/tenant-limits.ts";
import type { Config } from "./config.ts";
import { type ByteStream, toHex } from "./domain/bytes.ts";
import type { ApiKeyRecords } from "./domain/ports/api-keys.ts";
import type { Authenticate, Authenticator } from "./domain/ports/authenticator.ts";
import type { Clock, RandomSource } from "./domain/ports/clock.ts";
import type { Extractor } from "./domain/ports/extractor.ts";
import type { Host } from "./domain/ports/host.ts";
import type { Logger } from "./domain/ports/logger.ts";
import type { UploadRecords } from "./domain/ports/records.ts";
import type { Signer } from "./domain/ports/signer.ts";
import type { DriverContext, DriverDefinition } from "./domain/ports/storage-driver.ts";
import type { TenantRecords } from "./domain/ports/tenants.ts";
import type { StorageUri } from "./domain/storage-uri.ts";
import { createApp, type HttpApp } from "./http/app.ts";
import type { HttpOptions } from "./http/endpoint.ts";

/** What a runtime, a host application or a test provides. */
export interface StowageParts {
  /** Drivers that storage URIs may name. */
  readonly drivers: readonly DriverDefinition[];
  readonly records: UploadRecords;
  /** Keys that callers may show. */
  readonly keys: ApiKeyRecords;
  /** The overrides of tenants. */
  readonly tenants: TenantRecords;
  /** Runs the processors. */
  readonly extractor: Extractor;
  /** Identifies callers, instead of JWTs and API keys. */
  readonly authenticate?: Authenticate | undefined;
  /** Where the application has mounted the service, such as `/files`. Default: at the root. */
  readonly basePath?: string | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: RandomSource;
  /** How drivers and key sets reach the network. Default: the runtime's own. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  readonly host?: Host | undefined;
  /** Shown in the OpenAPI document. */
  readonly version?: string | undefined;
  /** Whether requests may share neither timers nor promises (Workers). */
  readonly isolatedRequests?: boolean | undefined;
  /** The body of a request as the runtime received it, where that is better than `request.body`. */
  readonly requestBody?: ((env: unknown, request: Request) => ByteStream | null) | undefined;
  /**
   * The address at the other end of the connection (`env` is the second argument of `fetch`), for rate limits;
   * without it all callers are one.
   */
  readonly peerAddress?: ((env: unknown, request: Request) => string | null) | undefined;
  /** Connections of the server in front, for readiness; `null`: not known yet. */
  readonly connections?: (() => ConnectionCount | null) | undefined;
}

/** The service, ready to answer. */
export interface Stowage {
  /** Answers a request: mount it anywhere. */
  readonly fetch: HttpApp["fetch"];
  /** The routes that `fetch` answers. */
  readonly endpoints: HttpApp["endpoints"];
  readonly storages: Storages;
  /** The limits of each tenant. */
  readonly tenantLimits: TenantLimitsService;
  readonly uploads: UploadService;
  /** Uploads under an `Idempotency-Key`, or without. */
  readonly idempotentUploads: IdempotentUploads;
  readonly editor: UploadEditor;
  /** Signs cursors, with a secret that all servers on one database share. */
  readonly signer: Signer;
  readonly downloads: DownloadService;
  readonly processing: ProcessingService;
  readonly texts: TextService;
  readonly events: EventService;
  readonly health: HealthService;
  readonly reconciler: Reconciler;
  readonly worker: ProcessingWorker;
  readonly storageWatch: StorageWatch;
  /** Start the background work: reconciler, processing, and storage checks. */
  start(): void;
  /** Report not ready, and end event streams, which would delay the shutdown. */
  beginShutdown(): void;
  /** Stop, hand jobs back and close the storages. You close the records and the extractor yourself. */
  close(): Promise<void>;
}

/** Other processes may queue jobs; ours wake the worker at once. */
const POLL_FOR_JOBS_MS = 5_000;

/** How long `close` waits for the clean-up of aborted requests: a driver may hang. */
const UNDO_MS = 10_000;

/** A tenth of all streams is enough for one tenant. */
const FOLLOWING: EventsPolicy = {
  pollMs: 1_000,
  maxStreamMs: 60 * 60_000,
  maxStreams: 1_000,
  maxStreamsPerTenant: 100,
  pollAlone: false,
};

/** Every poll is one of the 1,000 calls that Workers allow per request. */
const FOLLOWING_ALONE: EventsPolicy = {
  ...FOLLOWING,
  pollMs: 2_000,
  maxStreamMs: 10 * 60_000,
  pollAlone: true,
};

/**
 * Put the service together.
 *
 * @throws {StowageError} `unknown_driver`, `storage_misconfigured`, `storage_*` if a storage cannot be
 *   opened, and `storage_misconfigured` if uploads lie in a storage that is not configured. A fallback that cannot
 *   be reached is opened later.
 */
export async function createStowage(config: Config, parts: StowageParts): Promise<Stowage> {
  const { extractor, logger } = parts;
  const services = await createServices(config, parts);
  const { storages, health, events, reconciler, worker, storageWatch } = services;
  const authenticator = authenticatorOf(config, parts);
  const app = createApp({ ...services, authenticator }, httpOptions(config, parts));
  let stopping = false;
  const beginShutdown = (): void => {
    stopping = true;
    health.beginShutdown();
    events.close();
  };
  const underWay = new Set<Promise<unknown>>();
  return {
    ...services,
    fetch(request, env) {
      const response = app.fetch(request, env);
      if (!(response instanceof Promise)) return response;
      underWay.add(response);
      const done = () => underWay.delete(response);
      response.then(done, done);
      return response;
    },
    endpoints: app.endpoints,
    start() {
      // Report it now: a wrong configuration would otherwise look like waiting documents.
      extractor.check().catch((error) => {
        // It may fail only because it was closed.
        if (!stopping) logger.error("processing.unavailable", { error });
      });
      storageWatch.start();
      reconciler.start(config.uploads.reconcileIntervalSeconds * 1000);
      worker.start();
    },
    beginShutdown,
    async close() {
      beginShutdown();
      storageWatch.stop();
      // Aborted requests clean up first, while records and storages are open.
      const undone = withTimeout(UNDO_MS, "undo requests", () => Promise.allSettled(underWay));
      await undone.catch((error) => logger.warn("server.undo_over", { error }));
      await Promise.all([worker.stop(), reconciler.stop()]);
      await storages.close();
    },
  };
}

/** What {@link createStowage} creates, without the app in front and the control of its lifetime. */
type Services = Omit<Stowage, "fetch" | "endpoints" | "start" | "beginShutdown" | "close">;

// biome-ignore lint/complexity/noExcessiveLinesPerFunction: one flat list of services, each after those it needs
async function createServices(config: Config, parts: StowageParts): Promise<Services> {
  const { extractor, logger, clock, random } = parts;
  const events = new EventService({
    records: parts.records,
    clock,
    logger,
    policy: parts.isolatedRequests === true ? FOLLOWING_ALONE : FOLLOWING,
  });
  const records = announceChanges(parts.records, events.announce);
  const storages = await openStorages(config.storage.primary, config.storage.fallbacks, {
    records,
    clock,
    random,
    logger,
    hasher,
    sniffer,
    registry: new DriverRegistry(parts.drivers),
    context: (uri) => driverContext(uri, parts),
  });
  const queue = createInProcessQueue(logger);
  const catalog = new ProcessorCatalog(extractor.processors);
  const leaseMs = config.uploads.leaseSeconds * 1000;
  const tenantLimits = new TenantLimitsService({
    tenants: parts.tenants,
    configured: configuredLimits(config),
    clock,
  });
  const uploads = new UploadService({
    records,
    storages,
    catalog,
    queue,
    clock,
    random,
    logger,
    hasher,
    leaseMs,
    limits: tenantLimits,
  });
  const idempotentUploads = new IdempotentUploads({ uploads, records, hasher, clock });
  const editor = new UploadEditor(records);
  const fresh = toHex(random(new Uint8Array(SIGNING_SECRET_BYTES)));
  const signer = createSigner(await records.secret("signing", fresh));
  const missing = new MissingFiles({ records, storages, logger });
  const downloads = new DownloadService({ records, storages, missing, hasher, logger });
  const processing = new ProcessingService({ records, storages, catalog, queue, logger });
  const texts = new TextService({ records, storages });
  const health = new HealthService({
    records,
    storages,
    missing,
    extractor,
    clock,
    connections: parts.connections ?? (() => null),
  });
  const storageWatch = new StorageWatch(storages);
  const reconciler = new Reconciler({
    records,
    storages,
    missing,
    clock,
    logger,
    deleteGraceMs: leaseMs,
  });
  const worker = new ProcessingWorker({
    records,
    storages,
    missing,
    extractor,
    queue,
    hasher,
    clock,
    random,
    logger,
    policy: {
      maxAttempts: config.processing.maxAttempts,
      leaseMs: config.processing.leaseSeconds * 1000,
      pollMs: POLL_FOR_JOBS_MS,
    },
  });
  return {
    tenantLimits,
    storages,
    uploads,
    idempotentUploads,
    editor,
    signer,
    downloads,
    processing,
    texts,
    events,
    health,
    reconciler,
    worker,
    storageWatch,
  };
}

function httpOptions({ server }: Config, parts: StowageParts): HttpOptions {
  return {
    logger: parts.logger,
    clock: parts.clock,
    random: parts.random,
    hasher,
    publicUrl: server.publicUrl,
    basePath: parts.basePath,
    corsOrigins: server.corsOrigins,
    trustProxy: server.trustProxy,
    requestsPerMinuteOfAddress: server.requestsPerMinute.address,
    version: parts.version,
    requestBody: parts.requestBody,
    peerAddress: parts.peerAddress,
  };
}

function authenticatorOf(config: Config, parts: StowageParts): Authenticator {
  if (parts.authenticate !== undefined) return createApplicationAuthenticator(parts.authenticate);
  const { clock, isolatedRequests = false } = parts;
  const { jwt } = config.auth;
  return createBearerAuthenticator({
    apiKeys: createApiKeyAuthenticator(parts.keys, hasher, clock),
    jwt:
      jwt === null
        ? undefined
        : createJwtAuthenticator(jwt, {
            clock,
            isolatedRequests,
            fetch: parts.fetch ?? globalThis.fetch,
          }),
  });
}

function driverContext(
  uri: StorageUri,
  parts: Pick<StowageParts, "fetch" | "clock" | "random" | "logger" | "host">,
): DriverContext {
  return {
    fetch: parts.fetch ?? globalThis.fetch,
    now: () => parts.clock.now(),
    random: parts.random,
    logger: parts.logger.with({ driver: uri.scheme }),
    hash: hasher,
    host: parts.host,
  };
}
