import s3 from "../../drivers/s3.ts";
import type { DriverDefinition } from "../../src/driver.ts";
import type { S3Endpoint } from "../s3/endpoint.ts";
import type { TestAppOptions } from "./test-app.ts";

/** The shortest parts that S3 takes: tests send as little as they can. */
export const S3_PART_BYTES = 5 * 2 ** 20;

/** The S3 driver with its parts short, and what else is said in code. */
export function s3Driver(overrides: Readonly<Record<string, unknown>> = {}): DriverDefinition {
  return {
    name: "s3",
    open: (given, context) =>
      s3.open({ ...(given as object), partBytes: S3_PART_BYTES, ...overrides }, context),
  };
}

/** The settings of a service whose files go to `bucket`, as people write them. */
export function s3Settings(endpoint: S3Endpoint, bucket: string): Record<string, string> {
  return {
    FILE_STORAGE_TYPE: "s3",
    AWS_S3_BUCKET: bucket,
    AWS_REGION: endpoint.region,
    AWS_ENDPOINT_URL_S3: endpoint.endpoint,
    AWS_ACCESS_KEY_ID: endpoint.accessKeyId,
    AWS_SECRET_ACCESS_KEY: endpoint.secretAccessKey,
  };
}

/** What makes a test's app keep its files in `bucket`. */
export function s3App(
  endpoint: S3Endpoint,
  bucket: string,
  overrides: Readonly<Record<string, unknown>> = {},
): Pick<TestAppOptions, "env" | "drivers" | "host" | "now"> & {
  readonly env: Record<string, string>;
} {
  const env = s3Settings(endpoint, bucket);
  const spawn = () => {
    throw new Error("nothing is run here");
  };
  return {
    env,
    drivers: [s3Driver(overrides)],
    host: { env, readTextFile: async () => null, spawn },
    now: Date.now(),
  };
}
