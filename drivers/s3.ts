import {
  type DriverContext,
  defineDriver,
  probeDriver,
  Semaphore,
  type StorageDriver,
} from "../src/driver.ts";
import { openClient } from "./s3/config/open-client.ts";
import {
  completeOptions,
  S3_OPTIONS,
  type S3Options,
  writeHeadersOf,
} from "./s3/config/options.ts";
import { completeFromProfile } from "./s3/config/profile-options.ts";
import { providerOf } from "./s3/config/providers.ts";
import { deleteObjects } from "./s3/delete.ts";
import { getObject } from "./s3/get.ts";
import { headObject } from "./s3/head.ts";
import { KeySpace } from "./s3/keys.ts";
import { listObjects } from "./s3/list.ts";
import { leftoverGroup } from "./s3/multipart/leftovers.ts";
import { multipartGroup } from "./s3/multipart/multipart.ts";
import { PartPool } from "./s3/multipart/part-pool.ts";
import { putObject } from "./s3/put.ts";
import { quickCheck } from "./s3/quick-check.ts";
import { limitsOf, type S3Store } from "./s3/store.ts";

/** AWS's advice is 8 to 16 MB: https://docs.aws.amazon.com/whitepapers/latest/s3-optimizing-performance-best-practices. */
const PART_BYTES = 8 * 1024 * 1024;
const PARTS_IN_FLIGHT = 4;
const MAX_PARTS_IN_FLIGHT = 16;

/**
 * Stores objects in a bucket of S3 or a compatible service: `s3://bucket/prefix?region=eu-west-1`.
 *
 * Options that the URI leaves out come from the variables and profile of the AWS CLI, see `S3Options`. Bodies longer
 * than a part are sent in parts, several at once. An upload holds `partsInFlight` parts and the one that it receives;
 * all uploads together hold `maxPartsInFlight` and one each. On AWS the driver needs s3:PutObject, GetObject, DeleteObject, ListBucket, AbortMultipartUpload and ListMultipartUploadParts.
 */
export default defineDriver({
  name: "s3",
  options: S3_OPTIONS,
  async create(given, context) {
    const options = await completeFromProfile(completeOptions(given, context), context);
    const store = openStore(options, context);
    const driver: Omit<StorageDriver, "name"> = {
      limits: limitsOf(store),
      put: (key, body, putOptions) => putObject(store, key, body, putOptions),
      get: (key, getOptions) => getObject(store, key, getOptions),
      head: (key, callOptions) => headObject(store, key, callOptions),
      delete: (keys, callOptions) => deleteObjects(store, keys, callOptions),
      list: (prefix, listOptions) => listObjects(store, prefix, listOptions),
      check: async ({ quick, ...callOptions } = {}) =>
        (quick === true ? await quickCheck(store, callOptions) : null) ??
        (await probeDriver(driver, context.random, callOptions)),
      multipart: multipartGroup(store),
      leftovers: leftoverGroup(store),
      dispose: () => store.client.dispose(),
    };
    return driver;
  },
});

function openStore(options: S3Options, context: DriverContext): S3Store {
  const provider = providerOf(options.endpoint ?? null);
  const partsInFlight = options.partsInFlight ?? PARTS_IN_FLIGHT;
  return {
    provider,
    context,
    client: openClient(options, context),
    keys: new KeySpace(options.path),
    writeHeaders: writeHeadersOf(options, provider.encryptsByHeader),
    partBytes: options.partBytes ?? PART_BYTES,
    partsInFlight,
    partsLimit: new Semaphore(options.maxPartsInFlight ?? MAX_PARTS_IN_FLIGHT),
    pool: new PartPool(context.hash, partsInFlight),
  };
}
