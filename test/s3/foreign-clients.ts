import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  NotFound,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { Client } from "minio";
import type { S3Endpoint } from "./endpoint.ts";

interface Described {
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

interface Head extends Required<Described> {
  readonly sizeBytes: number;
  /** Without quotes. */
  readonly etag: string;
}

/** What the cases want of someone else's client, on one bucket. */
export interface ForeignClient {
  put(key: string, body: Uint8Array, described?: Described): Promise<void>;
  /** A body of unknown length, in parts. */
  putInParts(key: string, body: Uint8Array, partBytes: number): Promise<void>;
  /** @param range First and last byte, inclusive. */
  get(key: string, range?: readonly [number, number]): Promise<Uint8Array>;
  head(key: string): Promise<Head | null>;
  delete(keys: readonly string[]): Promise<void>;
  /** All keys, fetched in pages of `pageSize` where the client can set it. */
  list(prefix: string, pageSize: number): Promise<string[]>;
  /** @returns The id of an upload in parts that has just begun. */
  beginUpload(key: string): Promise<string>;
  /** The uploads in parts that are under way, fetched in pages where the client can set it. */
  uploads(prefix: string): Promise<{ readonly key: string; readonly id: string }[]>;
  abortUpload(key: string, id: string): Promise<void>;
  /** A signed link to read an object as plain text, where the client makes such. */
  readonly link?: (key: string) => Promise<string>;
  close(): void;
}

/** The SDK's own client, which tests of raw answers use too. */
export function awsSdk(server: S3Endpoint): S3Client {
  return new S3Client({
    endpoint: server.endpoint,
    region: server.region,
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: {
      accessKeyId: server.accessKeyId,
      secretAccessKey: server.secretAccessKey,
    },
  });
}

function viaAwsSdk(server: S3Endpoint, Bucket: string): ForeignClient {
  const client = awsSdk(server);
  return {
    async put(Key, Body, described = {}) {
      await client.send(
        new PutObjectCommand({
          Bucket,
          Key,
          Body,
          ContentType: described.contentType,
          Metadata: described.metadata,
        }),
      );
    },
    async putInParts(Key, body, partSize) {
      const params = { Bucket, Key, Body: Readable.from(slices(body)) };
      await new Upload({ client, params, partSize, queueSize: 2 }).done();
    },
    async get(Key, range) {
      const Range = range && `bytes=${range[0]}-${range[1]}`;
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key, Range }));
      return (await Body?.transformToByteArray()) ?? new Uint8Array();
    },
    async head(Key) {
      try {
        const head = await client.send(new HeadObjectCommand({ Bucket, Key }));
        return {
          sizeBytes: head.ContentLength ?? -1,
          contentType: head.ContentType ?? "",
          metadata: head.Metadata ?? {},
          etag: (head.ETag ?? "").replaceAll('"', ""),
        };
      } catch (error) {
        if (error instanceof NotFound) return null;
        throw error;
      }
    },
    async delete(keys) {
      const Delete = { Objects: keys.map((Key) => ({ Key })) };
      const { Errors = [] } = await client.send(new DeleteObjectsCommand({ Bucket, Delete }));
      if (Errors.length > 0) throw new Error(`${Errors.length} keys were not deleted`);
    },
    async list(Prefix, pageSize) {
      const pages = paginateListObjectsV2({ client, pageSize }, { Bucket, Prefix });
      const keys: string[] = [];
      for await (const { Contents = [] } of pages) keys.push(...Contents.map((c) => c.Key ?? ""));
      return keys;
    },
    async beginUpload(Key) {
      const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
      return UploadId ?? "";
    },
    async uploads(Prefix) {
      const found: { key: string; id: string }[] = [];
      let after: { KeyMarker?: string; UploadIdMarker?: string } = {};
      for (;;) {
        const page = await client.send(
          new ListMultipartUploadsCommand({ Bucket, Prefix, MaxUploads: 2, ...after }),
        );
        for (const { Key = "", UploadId = "" } of page.Uploads ?? []) {
          found.push({ key: Key, id: UploadId });
        }
        if (!page.IsTruncated) return found;
        after = {
          KeyMarker: page.NextKeyMarker ?? "",
          UploadIdMarker: page.NextUploadIdMarker ?? "",
        };
      }
    },
    async abortUpload(Key, UploadId) {
      await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
    },
    close: () => client.destroy(),
  };
}

function viaMinio(server: S3Endpoint, bucket: string): ForeignClient {
  const { hostname, port } = new URL(server.endpoint);
  const settings = {
    endPoint: hostname,
    port: Number(port),
    useSSL: false,
    pathStyle: true,
    region: server.region,
    accessKey: server.accessKeyId,
    secretKey: server.secretAccessKey,
  };
  const client = new Client(settings);
  return {
    async put(key, body, { contentType, metadata } = {}) {
      const type = contentType === undefined ? {} : { "Content-Type": contentType };
      await client.putObject(bucket, key, Buffer.from(body), body.length, { ...type, ...metadata });
    },
    async putInParts(key, body, partSize) {
      const inParts = new Client({ ...settings, partSize });
      await inParts.putObject(bucket, key, Readable.from(slices(body)));
    },
    async get(key, range) {
      const stream = range
        ? await client.getPartialObject(bucket, key, range[0], range[1] - range[0] + 1)
        : await client.getObject(bucket, key);
      return await buffer(stream);
    },
    async head(key) {
      try {
        const { size, etag, metaData } = await client.statObject(bucket, key);
        const { "content-type": contentType = "", ...metadata } = metaData as Record<
          string,
          string
        >;
        return { sizeBytes: size, etag, contentType, metadata };
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "NotFound") return null;
        throw error;
      }
    },
    async delete(keys) {
      await client.removeObjects(bucket, [...keys]);
    },
    async list(prefix) {
      const keys: string[] = [];
      for await (const item of client.listObjectsV2(bucket, prefix, true)) {
        keys.push((item as { name: string }).name);
      }
      return keys;
    },
    beginUpload: (key) => client.initiateNewMultipartUpload(bucket, key, {}),
    async uploads(prefix) {
      const found: { key: string; id: string }[] = [];
      for await (const item of client.listIncompleteUploads(bucket, prefix, true)) {
        const { key, uploadId } = item as { key: string; uploadId: string };
        found.push({ key, id: uploadId });
      }
      return found;
    },
    abortUpload: (key, id) => client.abortMultipartUpload(bucket, key, id),
    link: (key) =>
      client.presignedGetObject(bucket, key, 60, { "response-content-type": "text/plain; a=b+c" }),
    close: () => undefined,
  };
}

/** A body in pieces that respect no part's bounds. */
function* slices(body: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < body.length; at += 700_001) yield body.subarray(at, at + 700_001);
}

export const FOREIGN_CLIENTS: Readonly<
  Record<string, (server: S3Endpoint, bucket: string) => ForeignClient>
> = { "@aws-sdk/client-s3": viaAwsSdk, minio: viaMinio };
