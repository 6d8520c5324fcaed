import type { CredentialSource } from "./protocol.ts";

/** Time limits. None of them ends a transfer that makes progress. */
export interface S3Timeouts {
  /**
   * From sending a request to the headers of its response. Four times as long for actions on many objects or
   * parts. The time for a body (`minBytesPerSecond`) is added.
   */
  readonly responseMs: number;
  /** The slowest rate for sending a request's body. */
  readonly minBytesPerSecond: number;
  /** Between two chunks of a response's body, while the reader waits for the next. */
  readonly idleMs: number;
  /**
   * No attempt begins later than this after the first. The time for sending a body is added, unless no response
   * followed.
   */
  readonly retryMs: number;
}

export const DEFAULT_TIMEOUTS: S3Timeouts = Object.freeze({
  // A busy cluster may take seconds. After that the request has stalled, and a retry is faster.
  responseMs: 15_000,
  // An 8 MiB part gets two more minutes, a 64 MiB part 17.
  minBytesPerSecond: 64 * 1024,
  idleMs: 30_000,
  // A caller is waiting. A 503 with Retry-After serves it better than a longer wait.
  retryMs: 20_000,
});

/** How long sending a request's body may take, in milliseconds. */
export function bodyMs(body: Uint8Array | undefined, { minBytesPerSecond }: S3Timeouts): number {
  return body === undefined ? 0 : (body.byteLength / minBytesPerSecond) * 1000;
}

/** More than fit into `retryMs`. */
export const DEFAULT_ATTEMPTS = 50;

/** One bucket, and how to reach it. */
export interface S3ClientOptions {
  readonly bucket: string;
  /** For advice: the prefix of the storage in the bucket, and that of its variables. */
  readonly prefix?: string | undefined;
  readonly env?: string | undefined;
  /** The bucket's assumed region. Corrected when a response names another one. */
  readonly region: string;
  /** `https://minio.example:9000/base`, or `null` for AWS's endpoint of the region. */
  readonly endpoint: string | null;
  /** Bucket in the path (`true`) or in the host name (`false`). `null` decides by endpoint and bucket. */
  readonly pathStyle: boolean | null;
  readonly credentials: CredentialSource;
  readonly timeouts?: Partial<S3Timeouts> | undefined;
  /** Of one call, including the first. By default only time and the retry budget limit a call. */
  readonly maxAttempts?: number | undefined;
}
