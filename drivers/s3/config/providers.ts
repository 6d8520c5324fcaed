/** How an S3 service differs from AWS's, as far as our verbs must know. */
export interface Provider {
  /** The header that a bucket policy may ask for is sent unless the operator says otherwise. */
  readonly encryptsByHeader: boolean;
  /** `If-None-Match` decides atomically, on PutObject and on CompleteMultipartUpload. */
  readonly atomicIfNoneMatch: boolean;
  /** Every part but the last has to have the same length. */
  readonly uniformParts: boolean;
}

/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html */
const AWS: Provider = { encryptsByHeader: true, atomicIfNoneMatch: true, uniformParts: false };

/** @see https://developers.cloudflare.com/r2/objects/multipart-objects/#limitations */
const R2: Provider = { encryptsByHeader: false, atomicIfNoneMatch: false, uniformParts: true };

/** Ceph ignores the condition on CompleteMultipartUpload, older MinIO on both: nothing is taken for granted. */
const OTHER: Provider = { encryptsByHeader: false, atomicIfNoneMatch: false, uniformParts: false };

/** @param endpoint `null` for AWS's own. */
export function providerOf(endpoint: string | null): Provider {
  if (endpoint === null) return AWS;
  const { hostname } = new URL(endpoint);
  if (/(^|\.)amazonaws\.com(\.cn)?$/.test(hostname)) return AWS;
  return hostname.endsWith(".r2.cloudflarestorage.com") ? R2 : OTHER;
}
