import { getRandomValues } from "node:crypto";
import { CompiledQuery } from "kysely";
import { onTestFinished } from "vitest";
import memory from "../../drivers/memory.ts";
import { InProcessExtractor } from "../../src/adapters/extractor/in-process.ts";
import { hasher } from "../../src/adapters/hasher.ts";
import { createInProcessQueue } from "../../src/adapters/queue/in-process.ts";
import { migrate } from "../../src/adapters/records/migrations.ts";
import { openNodeSqlite } from "../../src/adapters/records/node-sqlite.ts";
import { createUploadRecords } from "../../src/adapters/records/upload-records.ts";
import { sniffer } from "../../src/adapters/sniffer.ts";
import { DownloadService } from "../../src/application/downloads/download-service.ts";
import { ProcessingService } from "../../src/application/processing/processing-service.ts";
import { ProcessingWorker } from "../../src/application/processing/processing-worker.ts";
import { ProcessorCatalog } from "../../src/application/processing/processor-catalog.ts";
import { FileStorage } from "../../src/application/storages/file-storage.ts";
import { identifyStorage } from "../../src/application/storages/storage-identity.ts";
import { Storages } from "../../src/application/storages/storages.ts";
import { MissingFiles } from "../../src/application/uploads/missing-files.ts";
import { Reconciler } from "../../src/application/uploads/reconciler.ts";
import { UploadService } from "../../src/application/uploads/upload-service.ts";
import type { Extractor } from "../../src/domain/ports/extractor.ts";
import { type Logger, SILENT } from "../../src/domain/ports/logger.ts";
import type { UploadRecords } from "../../src/domain/ports/records.ts";
import { parseTenantId } from "../../src/domain/tenant.ts";
import type { StorageDriver } from "../../src/driver.ts";
import type { Processor } from "../../src/processor.ts";
import { testDriverContext } from "./driver-context.ts";

export const ACME = parseTenantId("acme");
export const OTHER = parseTenantId("other");

/** 2026-11-24 unless said otherwise, held still until a test moves it. */
export class TestClock {
  #now: number;
  constructor(now = Date.UTC(2026, 10, 24)) {
    this.#now = now;
  }
  readonly now = (): number => this.#now;
  advance(ms: number): void {
    this.#now += ms;
  }
}

export const LEASE_MS = 60_000;

type WorkerParts = ConstructorParameters<typeof ProcessingWorker>[0];

/** A driver with some verbs replaced; what is replaced may call the original. */
export type Tamper = (driver: StorageDriver) => Partial<StorageDriver>;

export interface TestServicesOptions {
  readonly tamper?: Tamper;
  readonly tamperRecords?: (records: UploadRecords) => Partial<UploadRecords>;
  readonly processors?: readonly Processor[];
  /** What the extractor does instead of running a processor. */
  readonly extract?: Extractor["run"];
  readonly maxUploadBytes?: number;
  readonly maxAttempts?: number;
  readonly allowedTypes?: readonly string[];
  readonly quotaBytes?: number;
  readonly logger?: Logger;
}

/** The services over real parts: two memory storages, SQLite in memory, processors in process. */
export async function testServices(options: TestServicesOptions = {}) {
  const clock = new TestClock();
  const random = (bytes: Uint8Array) => getRandomValues(bytes);
  const executor = await openNodeSqlite(":memory:");
  await migrate(executor);
  const real = createUploadRecords(executor, clock);
  const records: UploadRecords = { ...real, ...options.tamperRecords?.(real) };
  const openStorage = async (tamper: Tamper = () => ({})) => {
    const inner = await memory.open({}, testDriverContext({ now: clock.now }));
    const driver = { ...inner, ...tamper(inner) };
    const id = await identifyStorage(inner, { clock, random });
    const parts = { id, display: "memory:", hasher, sniffer, clock, logger: SILENT };
    return { inner, storage: new FileStorage({ ...parts, driver }) };
  };
  const first = await openStorage(options.tamper);
  const second = await openStorage();
  const storages = new Storages(first.storage, [second.storage]);
  const inProcess = new InProcessExtractor({
    processors: options.processors ?? [],
    concurrency: 2,
    logger: SILENT,
  });
  const extractor = Object.assign(inProcess, options.extract && { run: options.extract });
  const catalog = new ProcessorCatalog(extractor.processors);
  const queue = createInProcessQueue();
  const missing = new MissingFiles({ records, storages, logger: options.logger ?? SILENT });
  const shared = { records, storages, missing, catalog, queue, clock, random, logger: SILENT };
  const uploads = new UploadService({
    ...shared,
    hasher,
    leaseMs: LEASE_MS,
    limits: {
      of: async () => ({
        maxUploadBytes: options.maxUploadBytes ?? 1_000_000,
        autoProcess: false,
        allowedContentTypes: options.allowedTypes ?? ["*/*"],
        quotaBytes: options.quotaBytes ?? null,
        quotaUploads: null,
        requestsPerMinute: null,
      }),
    },
  });
  const workers: ProcessingWorker[] = [];
  const newWorker = (changes: Partial<WorkerParts> = {}) => {
    const policy = { maxAttempts: options.maxAttempts ?? 3, leaseMs: LEASE_MS, pollMs: 60_000 };
    const created = new ProcessingWorker({ ...shared, extractor, hasher, policy, ...changes });
    workers.push(created);
    return created;
  };
  const worker = newWorker();
  onTestFinished(async () => {
    await Promise.all(workers.map((one) => one.stop()));
    await executor.close();
  });
  return {
    clock,
    records,
    queue,
    uploads,
    worker,
    storages,
    executor,
    /** Another one over the same records, as another process has it. Stopped with the test. */
    newWorker,
    /** The driver under the primary storage, and the one under the other. */
    driver: first.inner,
    otherDriver: second.inner,
    otherStorage: second.storage,
    missing,
    downloads: new DownloadService({ ...shared, hasher, logger: options.logger ?? SILENT }),
    processing: new ProcessingService(shared),
    reconciler: new Reconciler({
      records,
      storages,
      missing,
      clock,
      logger: SILENT,
      deleteGraceMs: LEASE_MS,
    }),
    /** Upload bytes, or text, as a stream that is read once. */
    put: (
      content: string | Uint8Array | AsyncIterable<Uint8Array>,
      process = false,
      signal?: AbortSignal,
    ) =>
      uploads.upload({
        tenant: ACME,
        createdBy: "key:test",
        originalFilename: "a.txt",
        declaredType: "text/plain",
        body: { kind: "once", stream: streamOf(content) },
        details: async () => ({ autoProcess: process, metadata: {} }),
        signal,
      }),
    /** Every key in the primary storage but its identity. */
    keys: async () => {
      const own = await first.inner.list(".stowage/");
      const all = [...(await first.inner.list("")).objects, ...own.objects];
      return all.map(({ key }) => key as string).filter((key) => key !== ".stowage/storage.json");
    },
    /** How many rows the records hold, in whatever state. */
    rows: async () => {
      const query = CompiledQuery.raw("SELECT count(*) AS n FROM uploads") as CompiledQuery<{
        n: number;
      }>;
      return (await executor.run(query))[0]?.n ?? -1;
    },
  };
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

async function* streamOf(
  content: string | Uint8Array | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (typeof content === "string") yield bytesOf(content);
  else if (content instanceof Uint8Array) yield content;
  else yield* content;
}
