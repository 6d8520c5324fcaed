import type { DriverContext, DriverLimits, Semaphore } from "../../src/driver.ts";
import type { Provider } from "./config/providers.ts";
import type { KeySpace } from "./keys.ts";
import type { PartPool } from "./multipart/part-pool.ts";
import type { S3Client } from "./wire/protocol.ts";

/** What all verbs share: a bucket, a prefix in it, and how to write there. */
export interface S3Store {
  readonly client: S3Client;
  readonly keys: KeySpace;
  readonly provider: Provider;
  /** Encryption and storage class, for PutObject and CreateMultipartUpload. */
  readonly writeHeaders: Readonly<Record<string, string>>;
  /** Length of the first parts of an upload. Later parts may be longer. */
  readonly partBytes: number;
  /** Maximum of one upload. */
  readonly partsInFlight: number;
  /** Bounds the parts in flight of all uploads together. */
  readonly partsLimit: Semaphore;
  /** Reuses the memory of parts. */
  readonly pool: PartPool;
  readonly context: DriverContext;
}

const MIB = 1024 ** 2;
/** Minimum of every part but the last. */
export const MIN_PART_BYTES = 5 * MIB;
export const MAX_PART_BYTES = 5 * 1024 * MIB;
export const MAX_PARTS = 10_000;
/** The limit that all S3 services share. AWS now allows more. */
const MAX_OBJECT_BYTES = 5 * 1024 ** 2 * MIB;
const MAX_KEY_BYTES = 1024;

/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
export function limitsOf({ keys, provider }: Pick<S3Store, "keys" | "provider">): DriverLimits {
  return Object.freeze({
    maxObjectBytes: MAX_OBJECT_BYTES,
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html: 1,024 bytes, including the prefix.
    maxKeyBytes: MAX_KEY_BYTES - new TextEncoder().encode(keys.prefix).byteLength,
    maxSegmentBytes: null,
    // https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
    maxDeleteKeys: 1000,
    needsKnownLength: false,
    atomicIfNoneMatch: provider.atomicIfNoneMatch,
    listOrder: "bytes",
    parts: {
      minBytes: MIN_PART_BYTES,
      maxBytes: MAX_PART_BYTES,
      maxCount: MAX_PARTS,
      uniform: provider.uniformParts,
    },
  });
}
