import { createS3Client } from "../../../drivers/s3/wire/client.ts";
import type { S3ClientOptions } from "../../../drivers/s3/wire/client-options.ts";
import type { Credentials, S3Client } from "../../../drivers/s3/wire/protocol.ts";
import type { DriverContext } from "../../../src/driver.ts";
import { testDriverContext } from "../../support/driver-context.ts";

export const CREDENTIALS: Credentials = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};

/** A client for a bucket of a test; waits between attempts take no time. */
export function openClient(
  options: Partial<S3ClientOptions> & { readonly endpoint: string | null },
  context: Partial<DriverContext> = {},
): S3Client {
  return createS3Client(
    {
      bucket: "uploads",
      region: "eu-central-1",
      pathStyle: null,
      credentials: async () => CREDENTIALS,
      ...options,
    },
    testDriverContext({ random: (bytes) => bytes.fill(0), ...context }),
  );
}
