import type { DriverContext } from "../../src/driver.ts";
import { createS3Client } from "./client.ts";
import { credentialSource, findRegion } from "./credentials.ts";
import type { S3Options } from "./options.ts";
import type { S3Client } from "./protocol.ts";

/** Where AWS's tools look, if nobody says where the bucket is; its answers tell better. */
const DEFAULT_REGION = "us-east-1";

/**
 * The client of a storage. Its region may stand only in a profile's file, which is read with the first
 * request: opening a storage reads nothing.
 *
 * @throws {StowageError} `storage_misconfigured`: bucket, region and endpoint make no address.
 */
export function openClient(options: S3Options, context: DriverContext): S3Client {
  const { timeouts, maxAttempts } = options;
  const place = { env: options.env, profile: options.profile };
  const credentials = options.credentials ?? credentialSource(place, context);
  const connect = (region: string): S3Client =>
    createS3Client(
      {
        ...{ region, credentials },
        bucket: options.authority,
        endpoint: options.endpoint ?? null,
        pathStyle: options.path_style ?? null,
        ...(timeouts !== undefined && { timeouts }),
        ...(maxAttempts !== undefined && { maxAttempts }),
      },
      context,
    );
  if (options.region !== undefined) return connect(options.region);
  const fallback = connect(DEFAULT_REGION);
  return inFoundRegion(fallback, async () => {
    const region = await findRegion(place, context);
    return region === null ? fallback : connect(region);
  });
}

/** A client that is found with its first request, and looked for again if that fails. */
function inFoundRegion(fallback: S3Client, find: () => Promise<S3Client>): S3Client {
  let finding: Promise<S3Client> | null = null;
  const found = async (): Promise<S3Client> => {
    finding ??= find();
    try {
      return await finding;
    } catch (error) {
      finding = null;
      throw error;
    }
  };
  return {
    bucket: fallback.bucket,
    send: async (request) => await (await found()).send(request),
    sendForXml: async (request) => await (await found()).sendForXml(request),
    async dispose() {
      await fallback.dispose();
      await (await finding?.catch(() => null))?.dispose();
    },
  };
}
