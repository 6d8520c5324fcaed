import type { CredentialSource } from "./protocol.ts";

/** How long to wait for what. Nothing here ends a transfer that makes progress. */
export interface S3Timeouts {
  /**
   * From sending a request to the head of its response, and four times as long for actions that work on many
   * objects or parts; a body's own time (`minBytesPerSecond`) comes on top.
   */
  readonly responseMs: number;
  /** The slowest line that a request's body may go out on. */
  readonly minBytesPerSecond: number;
  /** Between two chunks of an response's body, while somebody waits for the next. */
  readonly idleMs: number;
  /**
   * No attempt begins later than this after the first. The time in which a body went out comes on top, unless no
   * response followed.
   */
  readonly retryMs: number;
}

export const DEFAULT_TIMEOUTS: S3Timeouts = Object.freeze({
  // A busy cluster may take seconds; what takes longer has stalled, and fares better with another try.
  responseMs: 15_000,
  // An 8 MiB part gets two more minutes, a 64 MiB part 17.
  minBytesPerSecond: 64 * 1024,
  idleMs: 30_000,
  // A caller waits behind this: it is better off with a 503 and Retry-After than with our patience.
  retryMs: 20_000,
});

/** What a request's body may take to go out, in milliseconds. */
export function bodyMs(body: Uint8Array | undefined, { minBytesPerSecond }: S3Timeouts): number {
  return body === undefined ? 0 : (body.byteLength / minBytesPerSecond) * 1000;
}

/** More than `retryMs` has room for. */
export const DEFAULT_ATTEMPTS = 50;

/** One bucket, and how to speak to it. */
export interface S3ClientOptions {
  readonly bucket: string;
  /** Where the bucket is believed to be; corrected by the first response that knows better. */
  readonly region: string;
  /** `https://minio.example:9000/base`; `null` for AWS's own, which follows the region. */
  readonly endpoint: string | null;
  /** Bucket in the path (`true`) or in the host's name (`false`); `null` decides by endpoint and bucket. */
  readonly pathStyle: boolean | null;
  readonly credentials: CredentialSource;
  readonly timeouts?: Partial<S3Timeouts>;
  /** Of one call, the first included. By default time and the budget end a call. */
  readonly maxAttempts?: number;
}
