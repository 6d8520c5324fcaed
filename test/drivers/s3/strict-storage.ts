import { afterAll, beforeAll } from "vitest";
import { providerOf } from "../../../drivers/s3/config/providers.ts";
import { KeySpace } from "../../../drivers/s3/keys.ts";
import { PartPool } from "../../../drivers/s3/multipart/part-pool.ts";
import type { S3Store } from "../../../drivers/s3/store.ts";
import { createS3Client } from "../../../drivers/s3/wire/client.ts";
import s3 from "../../../drivers/s3.ts";
import { Semaphore, type StorageDriver } from "../../../src/driver.ts";
import { createNodeFetch } from "../../../src/runtime/fetch/node-fetch.ts";
import { type StrictS3, type StrictS3Options, startStrictS3 } from "../../s3/strict-server.ts";
import { testDriverContext } from "../../support/driver-context.ts";

export const KIB = 1024;
export const MIB = 1024 ** 2;
/** The parts of a store in these tests: small, so that many of them cost nothing. */
export const PART = 16 * KIB;

/** A bucket of its own on the file's strict server. */
export interface StrictBucket {
  readonly server: StrictS3;
  readonly bucket: string;
  /** What the verbs take, with small parts and with waits of no time between attempts. */
  readonly store: S3Store;
  /** The driver, with S3's own rules, over the fetch that the service brings on Node. */
  open(options?: Readonly<Record<string, unknown>>): Promise<StorageDriver>;
  /** Actions that the server has seen in this bucket, in order. */
  actions(): string[];
}

/** One strict server that lives as long as the tests of a file, and buckets on it. */
export function strictServer(serverOptions: StrictS3Options = {}) {
  const nodeFetch = createNodeFetch();
  let server: StrictS3;
  beforeAll(async () => {
    server = await startStrictS3({ minPartBytes: KIB, ...serverOptions });
  });
  afterAll(async () => {
    await nodeFetch.close();
    await server.stop();
  });
  return async (overrides: Partial<S3Store> = {}): Promise<StrictBucket> => {
    server.faults.clear();
    server.access.allowAll();
    const bucket = await server.makeBucket();
    const { endpoint, region, accessKeyId, secretAccessKey } = server;
    const credentials = async () => ({ accessKeyId, secretAccessKey });
    const context = testDriverContext();
    const atOnce = { ...context, random: (bytes: Uint8Array) => bytes.fill(0) };
    const store: S3Store = {
      client: createS3Client({ bucket, region, endpoint, pathStyle: null, credentials }, atOnce),
      keys: new KeySpace("base/"),
      provider: providerOf(null),
      writeHeaders: {},
      partBytes: PART,
      partsInFlight: 4,
      partsLimit: new Semaphore(16),
      pool: new PartPool(context.hash, 4),
      context,
      ...overrides,
    };
    return {
      server,
      bucket,
      store,
      open: (options = {}) =>
        s3.open(
          { authority: bucket, path: "base", endpoint, region, credentials, ...options },
          { ...context, fetch: nodeFetch.fetch },
        ),
      actions: () =>
        server.requests.flatMap((seen) =>
          seen.bucket === bucket && seen.action !== undefined ? [seen.action] : [],
        ),
    };
  };
}
