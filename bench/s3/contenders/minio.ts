import { Readable } from "node:stream";
import { Client } from "minio";
import { countBytes, type Open, PART_BYTES } from "../contender.ts";

export const open: Open = async ({ endpoint, region, bucket, accessKeyId, secretAccessKey }) => {
  const { hostname, port, protocol } = new URL(endpoint);
  const client = new Client({
    endPoint: hostname,
    port: Number(port),
    useSSL: protocol === "https:",
    region,
    accessKey: accessKeyId,
    secretKey: secretAccessKey,
    pathStyle: true,
    partSize: PART_BYTES,
  });
  return {
    put: (key, bytes) => client.putObject(bucket, key, Buffer.from(bytes.buffer)),
    get: async (key) => await countBytes(await client.getObject(bucket, key)),
    putStream: (key, stream) => client.putObject(bucket, key, Readable.from(stream)),
  };
};
