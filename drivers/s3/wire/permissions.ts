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

/**
 * What a policy must allow for an action: `s3:PutObject on arn:aws:s3:::files/uploads/*`.
 *
 * @param prefix Of the storage in its bucket: empty, or with a slash at its end.
 */
export function permissionFor(call: string, bucket: string, prefix: string): string {
  const permission = S3_PERMISSIONS.find(({ calls }) => calls.includes(call));
  if (permission === undefined) return `the permission for ${call} on ${arnOf(bucket)}`;
  const { action, on } = permission;
  return `${action} on ${arnOf(bucket)}${on === "bucket" ? "" : `/${prefix}*`}`;
}

function arnOf(bucket: string): string {
  return `arn:aws:s3:::${bucket}`;
}
