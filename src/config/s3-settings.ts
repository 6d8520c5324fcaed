import { address, choice, type Reader, text, yesOrNo } from "./readers.ts";
import { type Setting, setting } from "./setting.ts";

/**
 * AWS allows 3 to 63 lower-case letters, digits, dots and hyphens; older buckets and other servers allow more.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
 */
const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/;

const bucket: Reader<string> = {
  ...text(255, "the name of a bucket, like my-uploads", BUCKET),
  hint(given) {
    if (/^https?:/i.test(given)) {
      return "only the bucket's name; set the server's URL in AWS_ENDPOINT_URL_S3";
    }
    const [, name, prefix] =
      /^(?:s3:\/\/|arn:[a-z-]+:s3:::)?([^/:?]+)\/?([^?]*)/i.exec(given) ?? [];
    if (name === undefined || name === given || !BUCKET.test(name)) return null;
    const path = prefix ? `, and FILE_STORAGE_PATH=${prefix}` : "";
    return `only the bucket's name: AWS_S3_BUCKET=${name}${path}`;
  },
};

/** Objects of these classes must be restored before they can be read, which takes hours. */
const ARCHIVES = ["GLACIER", "DEEP_ARCHIVE"];

const storageClass: Reader<string> = {
  ...text(
    64,
    "a storage class like STANDARD_IA or INTELLIGENT_TIERING",
    /^(?!(?:GLACIER|DEEP_ARCHIVE)$)[A-Z][A-Z0-9_-]*$/,
  ),
  hint: (given) =>
    ARCHIVES.includes(given) ? "a class whose objects can be read at once, like GLACIER_IR" : null,
};

const region = text(64, "a region, like eu-west-1", /^[A-Za-z0-9-]+$/);
/** Env files keep quotes that a shell would remove. */
const key = text(256, "a key without spaces or quotes around it", /^(?!(["']).*\1$)\S+$/);
const endpoint = address("https://s3.example.com:9000");

function s3<T>(about: string, fallback: string, reader: Reader<T>, secret?: true) {
  const row = setting(about, { words: fallback }, reader, secret);
  return { ...row, only: "s3" } satisfies Setting<T>;
}

/** The names that the AWS CLI and other programs use. */
export const S3_SETTINGS = {
  AWS_S3_BUCKET: s3("Bucket, if FILE_STORAGE_TYPE is s3", "none; s3 needs one", bucket),
  AWS_REGION: s3("Region of the bucket", "us-east-1", region),
  AWS_DEFAULT_REGION: s3("Region, if AWS_REGION is unset", "us-east-1", region),
  AWS_ACCESS_KEY_ID: s3("Access key id; or use AWS_PROFILE", "none", key, true),
  AWS_SECRET_ACCESS_KEY: s3("Secret access key", "none", key, true),
  AWS_SESSION_TOKEN: s3("Session token of temporary keys", "none", text(16_384, "a token"), true),
  AWS_PROFILE: s3("Profile in ~/.aws that holds the keys", "default", text(128, "a name")),
  AWS_ENDPOINT_URL_S3: s3("URL of a server other than AWS: R2, MinIO, Ceph", "AWS", endpoint),
  AWS_ENDPOINT_URL: s3("The same, if AWS_ENDPOINT_URL_S3 is unset", "AWS", endpoint),
  AWS_S3_FORCE_PATH_STYLE: s3(
    "Whether the bucket is in the path, not the host",
    "true with an endpoint, false on AWS",
    yesOrNo,
  ),
  AWS_S3_SSE: s3(
    "Encryption of new objects",
    "AES256 on AWS, none elsewhere",
    choice("AES256", "aws:kms", "none"),
  ),
  AWS_S3_SSE_KMS_KEY_ID: s3(
    "KMS key, if AWS_S3_SSE is aws:kms",
    "the account's default",
    text(2048, "the id or ARN of a KMS key", /^[A-Za-z0-9:/_-]+$/),
  ),
  AWS_S3_STORAGE_CLASS: s3("Storage class of new objects", "the bucket's", storageClass),
};
