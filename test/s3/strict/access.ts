import type { Action } from "./call.ts";
import { S3Error } from "./errors.ts";

/**
 * The IAM actions that each call needs.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
 */
const NEEDS: Readonly<Record<Action, readonly string[]>> = {
  ListBuckets: ["s3:ListAllMyBuckets"],
  CreateBucket: ["s3:CreateBucket"],
  HeadBucket: ["s3:ListBucket"],
  DeleteBucket: ["s3:DeleteBucket"],
  GetBucketLocation: ["s3:GetBucketLocation"],
  ListObjectsV2: ["s3:ListBucket"],
  ListMultipartUploads: ["s3:ListBucketMultipartUploads"],
  // Judged key by key.
  DeleteObjects: [],
  PutObject: ["s3:PutObject"],
  CopyObject: ["s3:PutObject"],
  GetObject: ["s3:GetObject"],
  HeadObject: ["s3:GetObject"],
  DeleteObject: ["s3:DeleteObject"],
  CreateMultipartUpload: ["s3:PutObject"],
  UploadPart: ["s3:PutObject"],
  ListParts: ["s3:ListMultipartUploadParts"],
  CompleteMultipartUpload: ["s3:PutObject"],
  AbortMultipartUpload: ["s3:AbortMultipartUpload"],
};

/** What encryption by KMS needs besides: to write, and to write in parts or read. */
const KMS_NEEDS: Partial<Readonly<Record<Action, string>>> = {
  PutObject: "kms:GenerateDataKey",
  CreateMultipartUpload: "kms:GenerateDataKey",
  UploadPart: "kms:Decrypt",
  CompleteMultipartUpload: "kms:Decrypt",
  GetObject: "kms:Decrypt",
  HeadObject: "kms:Decrypt",
};

interface Denial {
  readonly action: string;
  readonly pattern: RegExp;
}

/** Who may do what: everything, until set otherwise. */
export class AccessPolicy {
  #allowed: ReadonlySet<string> | undefined;
  #denials: Denial[] = [];

  /** Only these IAM actions (`s3:PutObject`) from now on. */
  allowOnly(actions: readonly string[]): void {
    this.#allowed = new Set(actions);
  }

  /** Deny one IAM action, for keys like `uploads/*` only if a pattern is given. */
  deny(action: string, keyPattern = "*"): void {
    const source = keyPattern.split("*").map((text) => text.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"));
    this.#denials.push({ action, pattern: new RegExp(`^${source.join("[^]*")}$`) });
  }

  allowAll(): void {
    this.#allowed = undefined;
    this.#denials = [];
  }

  may(iamAction: string, key = ""): boolean {
    if (this.#allowed && !this.#allowed.has(iamAction)) return false;
    return !this.#denials.some(({ action, pattern }) => action === iamAction && pattern.test(key));
  }

  /** @throws {S3Error} `AccessDenied`. */
  check(action: Action, key: string | undefined, usesKms: boolean): void {
    const kms = usesKms ? KMS_NEEDS[action] : undefined;
    for (const needed of kms ? [...NEEDS[action], kms] : NEEDS[action]) {
      if (!this.may(needed, key)) throw accessDenied(needed);
    }
  }
}

export function accessDenied(iamAction: string): S3Error {
  return new S3Error(
    "AccessDenied",
    `User is not authorized to perform: ${iamAction} because no policy allows it`,
  );
}
