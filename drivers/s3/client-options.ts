import type { CredentialSource } from "./protocol.ts";

/** How long to wait for what. Nothing here ends a transfer that makes progress. */
export interface S3Timeouts {
  /** From sending a request to the head of its answer; its body's own time (`minBytesPerSecond`) comes on top. */
  readonly answerMs: number;
  /** The slowest line that a request's body may go out on. */
  readonly minBytesPerSecond: number;
  /** Between two chunks of an answer's body, while somebody waits for the next. */
  readonly idleMs: number;
  /** Waits between attempts, together; and no attempt begins later than this after the first. */
  readonly retryMs: number;
}

export const DEFAULT_TIMEOUTS: S3Timeouts = Object.freeze({
  // CompleteMultipartUpload of 10,000 parts keeps Ceph busy for seconds before it answers.
  answerMs: 30_000,
  // An 8 MiB part gets two more minutes, a 64 MiB part 17.
  minBytesPerSecond: 64 * 1024,
  idleMs: 30_000,
  // A caller waits behind this: it is better off with a 503 and Retry-After than with our patience.
  retryMs: 10_000,
});

/** The first try and two more. */
export const DEFAULT_ATTEMPTS = 3;

/** One bucket, and how to speak to it. */
export interface S3ClientOptions {
  readonly bucket: string;
  /** Where the bucket is believed to be; corrected by the first answer that knows better. */
  readonly region: string;
  /** `https://minio.example:9000/base`; `null` for AWS's own, which follows the region. */
  readonly endpoint: string | null;
  /** Bucket in the path (`true`) or in the host's name (`false`); `null` decides by endpoint and bucket. */
  readonly pathStyle: boolean | null;
  readonly credentials: CredentialSource;
  readonly timeouts?: Partial<S3Timeouts>;
  /** Of one call, the first included. */
  readonly maxAttempts?: number;
}
