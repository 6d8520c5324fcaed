/** Differences between S3 services that the verbs must know. */
export interface Provider {
  /** Request encryption by default, because a bucket policy may require the header. */
  readonly encryptsByHeader: boolean;
  /** `If-None-Match` is atomic on PutObject and CompleteMultipartUpload. */
  readonly atomicIfNoneMatch: boolean;
  /** All parts but the last must have the same length. */
  readonly uniformParts: boolean;
}

/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html */
const AWS: Provider = { encryptsByHeader: true, atomicIfNoneMatch: true, uniformParts: false };

/** @see https://developers.cloudflare.com/r2/objects/multipart-objects/#limitations */
const R2: Provider = { encryptsByHeader: false, atomicIfNoneMatch: false, uniformParts: true };

/** Ceph ignores the condition on CompleteMultipartUpload, older MinIO on both, so assume the least. */
const OTHER: Provider = { encryptsByHeader: false, atomicIfNoneMatch: false, uniformParts: false };

/** @param endpoint `null` for AWS's own. */
export function providerOf(endpoint: string | null): Provider {
  if (endpoint === null) return AWS;
  const { hostname } = new URL(endpoint);
  if (/(^|\.)amazonaws\.com(\.cn)?$/.test(hostname)) return AWS;
  return hostname.endsWith(".r2.cloudflarestorage.com") ? R2 : OTHER;
}
