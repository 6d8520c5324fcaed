import { CompiledQuery } from "kysely";
import { createApiKeyRecords } from "../../../src/adapters/records/api-keys.ts";
import type { SqlExecutor } from "../../../src/adapters/records/executor.ts";
import { createTenantRecords } from "../../../src/adapters/records/tenants.ts";
import { createUploadRecords } from "../../../src/adapters/records/upload-records.ts";
import { parseFilename } from "../../../src/domain/filename.ts";
import { buildObjectKey } from "../../../src/domain/object-key.ts";
import type { ApiKeyRecords } from "../../../src/domain/ports/api-keys.ts";
import type {
  CommitFacts,
  Job,
  NewUpload,
  Reservation,
  UploadRecords,
} from "../../../src/domain/ports/records.ts";
import type { TenantRecords } from "../../../src/domain/ports/tenants.ts";
import { parseTenantId } from "../../../src/domain/tenant.ts";
import type { ProcessingError, ProcessorResult, Upload } from "../../../src/domain/upload.ts";
import { newUploadId } from "../../../src/domain/upload-id.ts";

export const ACME = parseTenantId("acme");
export const GLOBEX = parseTenantId("globex");
/** 2026-01-01T00:00:00Z. */
export const START = 1_767_225_600_000;
export const LEASE_MS = 60_000;
/** The storages of the uploads in these tests. */
export const STORAGES = ["storage-1", "storage-2"];

/** A database under test, with a clock that only the test advances. */
export interface Bench {
  readonly executor: SqlExecutor;
  readonly records: UploadRecords;
  readonly keys: ApiKeyRecords;
  readonly tenants: TenantRecords;
  readonly clock: { now(): number; advance(ms: number): void };
}

export function createBench(executor: SqlExecutor): Bench {
  let now = START;
  const clock = {
    now: () => now,
    advance(ms: number) {
      now += ms;
    },
  };
  return {
    executor,
    clock,
    records: createUploadRecords(executor, clock),
    keys: createApiKeyRecords(executor),
    tenants: createTenantRecords(executor, clock),
  };
}

let counter = 0;

export function newUpload(bench: Bench, changes: Partial<NewUpload> & { name?: string } = {}) {
  const { name = "cv.pdf", ...rest } = changes;
  const tenant = rest.tenant ?? ACME;
  const filename = parseFilename(name);
  const id = newUploadId(bench.clock.now(), (bytes) => {
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(6, ++counter);
    return bytes;
  });
  return {
    id,
    tenant,
    storageId: "storage-1",
    key: buildObjectKey({ tenant, uploadId: id, filename }),
    filename,
    originalFilename: `C:\\${name}`,
    contentType: "application/octet-stream",
    createdBy: "key:test",
    ...rest,
  } satisfies NewUpload;
}

export const FACTS: CommitFacts = {
  sizeBytes: 52_031,
  sha256: "ab".repeat(32),
  contentType: "application/pdf",
  metadata: { source: "test", nested: { deep: [1, null, "ü"] } },
  expiresAt: null,
  process: null,
};

export function reserve(bench: Bench, changes?: Parameters<typeof newUpload>[1]) {
  return bench.records.reserve(newUpload(bench, changes), bench.clock.now() + LEASE_MS);
}

export async function store(
  bench: Bench,
  changes?: Parameters<typeof newUpload>[1],
  facts: Partial<CommitFacts> = {},
): Promise<Upload> {
  return bench.records.commit(await reserve(bench, changes), { ...FACTS, ...facts });
}

export function queue(bench: Bench, changes?: Parameters<typeof newUpload>[1]): Promise<Upload> {
  return store(bench, changes, { process: ["text", "metadata"] });
}

/** Claim a due job. There must be one. */
export async function claim(bench: Bench, token: string): Promise<Job> {
  const job = await bench.records.claim(token, bench.clock.now() + LEASE_MS, STORAGES);
  if (job === null) throw new Error("nothing to claim");
  return job;
}

export function result(name: string, changes: Partial<ProcessorResult> = {}): ProcessorResult {
  return {
    name,
    version: "1",
    status: "processed",
    output: { pages: 3 },
    textKey: null,
    error: null,
    durationMs: 12.5,
    ...changes,
  };
}

export const TROUBLE: ProcessingError = {
  code: "document_unreadable",
  detail: "Cannot read document: it ends early",
  retryable: false,
};

export async function eventTypes(bench: Bench, upload: Pick<Reservation, "tenant" | "id">) {
  const events = await bench.records.events(upload.tenant, upload.id, 0, 100);
  return events.map((event) => event.type.replace("upload.", ""));
}

/** The whole content of the database, to prove that nothing has changed. */
export async function dump(bench: Bench): Promise<string> {
  const tables = [
    "uploads",
    "results",
    "events",
    "tombstones",
    "storages",
    "api_keys",
    "usage",
    "repeats",
  ];
  const rows = await bench.executor.batch(
    tables.map((table) => CompiledQuery.raw(`SELECT * FROM ${table} ORDER BY 1, 2`)),
  );
  return JSON.stringify(rows, null, 1);
}

/** Many stored uploads of `acme` in one step: `{name}0` created at `from`, `{name}1` a millisecond later … */
export async function manyUploads(
  executor: SqlExecutor,
  { count, from, name }: { readonly count: number; readonly from: number; readonly name: string },
): Promise<void> {
  // UUIDv7, so that ids sort by time.
  const at = `printf('%012x', ${from} + n)`;
  const id = `substr(${at}, 1, 8) || '-' || substr(${at}, 9) || '-7000-8000-' || printf('%012x', n)`;
  await executor.run(
    CompiledQuery.raw(
      `INSERT INTO uploads (id, tenant, storage_id, key, revision, status, filename, original_filename,
        size_bytes, sha256, content_type, created_by, created_at, updated_at)
      WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ${count})
      SELECT ${id}, 'acme', 'storage-1', 'acme/' || ${id}, 2, 'stored', ? || n, ? || n,
        1, 'ab', 'text/plain', 'key:test', ${from} + n, ${from} + n FROM numbers`,
      [name, name],
    ),
  );
}

export async function adopt(bench: Bench, upload: Upload, externalId: string): Promise<void> {
  await bench.executor.run(
    CompiledQuery.raw("UPDATE uploads SET external_id = ? WHERE id = ?", [externalId, upload.id]),
  );
}

export async function setStatus(bench: Bench, upload: Upload, status: string): Promise<void> {
  await bench.executor.run(
    CompiledQuery.raw("UPDATE uploads SET status = ? WHERE id = ?", [status, upload.id]),
  );
}
