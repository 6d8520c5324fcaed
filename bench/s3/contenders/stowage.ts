/** Our driver, over the fetch that Node's runtime gives it. */
import { createHash, randomFillSync } from "node:crypto";
import s3Driver from "../../../drivers/s3.ts";
import { parseObjectKey } from "../../../src/domain/object-key.ts";
import { SILENT } from "../../../src/domain/ports/logger.ts";
import { createNodeFetch } from "../../../src/runtime/fetch/node-fetch.ts";
import { countBytes, type Open } from "../contender.ts";

export const open: Open = async ({ endpoint, region, bucket, accessKeyId, secretAccessKey }) => {
  const driver = await s3Driver.open(
    {
      authority: bucket,
      region,
      endpoint,
      path_style: "true",
      credentials: async () => ({ accessKeyId, secretAccessKey }),
    },
    {
      fetch: createNodeFetch().fetch,
      now: Date.now,
      random: (bytes) => randomFillSync(bytes),
      logger: SILENT,
      hash: (algorithm) => createHash(algorithm),
    },
  );
  return {
    put: (key, bytes) => driver.put(parseObjectKey(key), { kind: "bytes", bytes }),
    get: async (key) => await countBytes((await driver.get(parseObjectKey(key))).stream),
    putStream: (key, stream) => driver.put(parseObjectKey(key), { kind: "once", stream }),
  };
};
