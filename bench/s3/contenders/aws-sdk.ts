import { Readable } from "node:stream";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { countBytes, type Open, PART_BYTES, PARTS_IN_FLIGHT } from "../contender.ts";

export const open: Open = async ({ bucket, accessKeyId, secretAccessKey, ...place }) => {
  const client = new S3Client({
    ...place,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
    // Without these it computes a CRC32 besides the SHA-256, which servers older than 2025 ignore.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
  const at = (key: string) => ({ Bucket: bucket, Key: key });
  return {
    put: (key, bytes) => client.send(new PutObjectCommand({ ...at(key), Body: bytes })),
    async get(key) {
      const { Body } = await client.send(new GetObjectCommand(at(key)));
      return await countBytes(Body as Readable);
    },
    putStream: (key, stream) =>
      new Upload({
        client,
        params: { ...at(key), Body: Readable.from(stream) },
        partSize: PART_BYTES,
        queueSize: PARTS_IN_FLIGHT,
      }).done(),
  };
};
