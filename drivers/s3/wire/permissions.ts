import type { ErrorCode } from "../../../src/driver.ts";
import type { S3Request } from "./protocol.ts";

/** One permission that an S3 storage needs. */
export interface S3Permission {
  /** Its name in policies. */
  readonly action: string;
  /** Whether policies grant it on the bucket or on its objects. */
  readonly on: "bucket" | "objects";
  /** The API calls that need it. */
  readonly calls: readonly string[];
}

/**
 * All permissions that an S3 storage needs.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
 */
export const S3_PERMISSIONS: readonly S3Permission[] = [
  {
    action: "s3:PutObject",
    on: "objects",
    calls: ["PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"],
  },
  { action: "s3:GetObject", on: "objects", calls: ["GetObject", "HeadObject"] },
  { action: "s3:DeleteObject", on: "objects", calls: ["DeleteObject", "DeleteObjects"] },
  { action: "s3:AbortMultipartUpload", on: "objects", calls: ["AbortMultipartUpload"] },
  { action: "s3:ListMultipartUploadParts", on: "objects", calls: ["ListParts"] },
  { action: "s3:ListBucket", on: "bucket", calls: ["ListObjectsV2", "HeadBucket"] },
  { action: "s3:ListBucketMultipartUploads", on: "bucket", calls: ["ListMultipartUploads"] },
];

/** Actions whose 403 may stand for a 404. */
const READS = new Set(["GetObject", "HeadObject"]);
/** Actions that begin an object, and say how it is encrypted. */
const WRITES = new Set(["PutObject", "CreateMultipartUpload"]);

/** Where permissions are missing. */
interface Place {
  readonly bucket: string;
  /** Of the storage in the bucket: empty, or with a slash at its end. */
  readonly prefix: string;
}

/** What a policy must allow if access to `request` was denied; `undefined` for other codes. */
export function adviceOnDenial(
  code: ErrorCode,
  { action, headers = {} }: Pick<S3Request, "action" | "headers">,
  { bucket, prefix }: Place,
): string | undefined {
  if (code !== "storage_access_denied") return undefined;
  const permission = permissionFor(action, bucket, prefix);
  const policy = `allow ${permission} in the policy of these keys, and look for a bucket policy that denies it`;
  if (READS.has(action)) {
    const list = permissionFor("ListObjectsV2", bucket, prefix);
    return `${policy}; allow ${list} too, without which S3 reports missing objects as denied; objects under a KMS key also need kms:Decrypt on the key`;
  }
  if (!WRITES.has(action)) return policy;
  const encryption = headers["x-amz-server-side-encryption"];
  if (encryption?.startsWith("aws:kms") === true) {
    return `${policy}; with a KMS key also allow kms:GenerateDataKey and kms:Decrypt on the key`;
  }
  return encryption === undefined
    ? `${policy}; if the bucket demands encryption, set AWS_S3_SSE=AES256`
    : policy;
}

/**
 * What a policy must allow for an action: `s3:PutObject on arn:aws:s3:::files/uploads/*`.
 *
 * @param prefix Of the storage in its bucket: empty, or with a slash at its end.
 */
function permissionFor(call: string, bucket: string, prefix: string): string {
  const permission = S3_PERMISSIONS.find(({ calls }) => calls.includes(call));
  if (permission === undefined) return `the permission for ${call} on ${arnOf(bucket)}`;
  const { action, on } = permission;
  return `${action} on ${arnOf(bucket)}${on === "bucket" ? "" : `/${prefix}*`}`;
}

function arnOf(bucket: string): string {
  return `arn:aws:s3:::${bucket}`;
}
