import type { DriverContext } from "../../../src/driver.ts";
import { createS3Client } from "../wire/client.ts";
import type { S3Client } from "../wire/protocol.ts";
import { credentialSource } from "./credentials.ts";
import type { S3Options } from "./options.ts";

/** Where AWS's tools look without a setting. The responses of the bucket name its region. */
const DEFAULT_REGION = "us-east-1";

/**
 * The client of a storage.
 *
 * @throws {StowageError} `storage_misconfigured`: bucket, region and endpoint make no address.
 */
export function openClient(options: S3Options, context: DriverContext): S3Client {
  const { env, profile, timeouts, maxAttempts } = options;
  return createS3Client(
    {
      bucket: options.authority,
      prefix: options.path,
      env,
      region: options.region ?? DEFAULT_REGION,
      endpoint: options.endpoint ?? null,
      pathStyle: options.path_style ?? null,
      credentials: options.credentials ?? credentialSource({ env, profile }, context),
      timeouts,
      maxAttempts,
    },
    context,
  );
}
