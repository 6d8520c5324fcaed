import { afterAll, beforeAll } from "vitest";
import s3 from "../../../drivers/s3.ts";
import type { DriverContext, StorageDriver } from "../../../src/driver.ts";
import { type StrictS3, type StrictS3Options, startStrictS3 } from "../../s3/strict-server.ts";
import { testDriverContext } from "../../support/driver-context.ts";

export const MIB = 1024 ** 2;

/** A strict server for a file of tests, and drivers of buckets on it. */
export interface StrictStorage {
  readonly server: StrictS3;
  readonly bucket: string;
  readonly driver: StorageDriver;
}

/** Open drivers on one strict server that lives as long as the tests of the file. */
export function strictStorages(serverOptions: StrictS3Options = {}) {
  let server: StrictS3;
  beforeAll(async () => {
    server = await startStrictS3(serverOptions);
  });
  afterAll(async () => await server.stop());
  return async (
    options: Readonly<Record<string, unknown>> = {},
    context: Partial<DriverContext> = {},
  ): Promise<StrictStorage> => {
    server.faults.clear();
    const bucket = await server.makeBucket();
    const { endpoint, region, accessKeyId, secretAccessKey } = server;
    const credentials = async () => ({ accessKeyId, secretAccessKey });
    const driver = await s3.open(
      { authority: bucket, path: "base", endpoint, region, credentials, ...options },
      testDriverContext(context),
    );
    return { server, bucket, driver };
  };
}
