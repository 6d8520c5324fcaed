import { address, choice, type Reader, text, yesOrNo } from "./readers.ts";
import { type Setting, setting } from "./setting.ts";

/**
 * AWS asks for 3 to 63 of lower case, digits, dots and hyphens; older buckets and other servers take more.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
 */
const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/;

const bucket: Reader<string> = {
  ...text(255, "the name of a bucket, like my-uploads", BUCKET),
  explain(given) {
    if (/^https?:/i.test(given)) {
      return "the bucket's name alone; the server's address goes into AWS_ENDPOINT_URL_S3";
    }
    const [, name, prefix] =
      /^(?:s3:\/\/|arn:[a-z-]+:s3:::)?([^/:?]+)\/?([^?]*)/i.exec(given) ?? [];
    if (name === undefined || name === given || !BUCKET.test(name)) return null;
    const path = prefix ? `, and FILE_STORAGE_PATH=${prefix}` : "";
    return `the bucket's name alone: AWS_S3_BUCKET=${name}${path}`;
  },
};

/** Objects of these classes cannot be read until somebody restores them, hours later. */
const ARCHIVES = ["GLACIER", "DEEP_ARCHIVE"];

const storageClass: Reader<string> = {
  ...text(
    64,
    "a storage class like STANDARD_IA or INTELLIGENT_TIERING",
    /^(?!(?:GLACIER|DEEP_ARCHIVE)$)[A-Z][A-Z0-9_-]*$/,
  ),
  explain: (given) =>
    ARCHIVES.includes(given) ? "a class that can be read at once, like GLACIER_IR" : null,
};

const region = text(64, "a region, like eu-west-1", /^[A-Za-z0-9-]+$/);
/** Files of variables keep the quotes that a shell would take away. */
const key = text(256, "a key without spaces or quotes around it", /^(?!(["']).*\1$)\S+$/);
const endpoint = address("https://s3.example.com:9000");

function s3<T>(about: string, fallback: string, reader: Reader<T>, secret?: true) {
  const row = setting(about, { words: fallback }, reader, secret);
  return { ...row, only: "s3" } satisfies Setting<T>;
}

/** Named as other programs name them: what works for the AWS command line works here. */
export const S3_SETTINGS = {
  AWS_S3_BUCKET: s3("Bucket, where FILE_STORAGE_TYPE is s3", "none; s3 needs one", bucket),
  AWS_REGION: s3("Region of the bucket", "us-east-1", region),
  AWS_DEFAULT_REGION: s3("Region, where AWS_REGION is unset", "us-east-1", region),
  AWS_ACCESS_KEY_ID: s3("Id of the key pair; or use AWS_PROFILE", "none", key, true),
  AWS_SECRET_ACCESS_KEY: s3("Secret of the key pair", "none", key, true),
  AWS_SESSION_TOKEN: s3("Token, where keys are temporary", "none", text(16_384, "a token"), true),
  AWS_PROFILE: s3("Profile in ~/.aws that holds the keys", "default", text(128, "a name")),
  AWS_ENDPOINT_URL_S3: s3("Address of a server other than AWS: R2, MinIO, Ceph", "AWS", endpoint),
  AWS_ENDPOINT_URL: s3("The same, where AWS_ENDPOINT_URL_S3 is unset", "AWS", endpoint),
  AWS_S3_FORCE_PATH_STYLE: s3(
    "Whether the path names the bucket, not the host",
    "true with an endpoint, false on AWS",
    yesOrNo,
  ),
  AWS_S3_SSE: s3(
    "Encryption asked for with every write",
    "AES256 on AWS, none elsewhere",
    choice("AES256", "aws:kms", "none"),
  ),
  AWS_S3_SSE_KMS_KEY_ID: s3(
    "Key, where AWS_S3_SSE is aws:kms",
    "the account's own",
    text(2048, "the id or ARN of a KMS key", /^[A-Za-z0-9:/_-]+$/),
  ),
  AWS_S3_STORAGE_CLASS: s3("Storage class of new objects", "the bucket's", storageClass),
};
