import { S3Error } from "./errors.ts";

const MAX_METADATA_BYTES = 2048;
const META = "x-amz-meta-";
const SSE = "x-amz-server-side-encryption";
const KMS_KEY = `${SSE}-aws-kms-key-id`;
const STORAGE_CLASS = "x-amz-storage-class";

const KEPT = new Set([
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-type",
  "expires",
]);
const STORAGE_CLASSES = new Set([
  "STANDARD",
  "STANDARD_IA",
  "ONEZONE_IA",
  "INTELLIGENT_TIERING",
  "GLACIER_IR",
]);

function checkEncryption(headers: ReadonlyMap<string, string>): void {
  const algorithm = headers.get(SSE);
  const known = algorithm === undefined || algorithm === "AES256" || algorithm === "aws:kms";
  if (!known || (headers.has(KMS_KEY) && algorithm !== "aws:kms")) {
    throw new S3Error("InvalidArgument", "The encryption method specified is not supported");
  }
}

/** What a write says about its object, as reads echo it. @throws {S3Error} */
export function attributesOf(headers: ReadonlyMap<string, string>): Record<string, string> {
  checkEncryption(headers);
  const storageClass = headers.get(STORAGE_CLASS) ?? "STANDARD";
  if (!STORAGE_CLASSES.has(storageClass)) {
    throw new S3Error("InvalidArgument", "The storage class you specified is not valid");
  }
  const attributes: Record<string, string> = { "content-type": "binary/octet-stream" };
  let metadataBytes = 0;
  for (const [name, value] of headers) {
    if (name.startsWith(META)) metadataBytes += name.length - META.length + value.length;
    const isKept = KEPT.has(name) || name === SSE || name === KMS_KEY;
    if (isKept || name.startsWith(META)) attributes[name] = value;
  }
  if (storageClass !== "STANDARD") attributes[STORAGE_CLASS] = storageClass;
  if (metadataBytes > MAX_METADATA_BYTES) {
    throw new S3Error("MetadataTooLarge", "Your metadata headers exceed the maximum allowed size", {
      MaxSizeAllowed: String(MAX_METADATA_BYTES),
      Size: String(metadataBytes),
    });
  }
  return attributes;
}

/** The encryption that answers to writes echo. */
export function encryptionOf(attributes: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    [SSE, KMS_KEY].flatMap((name) => {
      const value = attributes[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

export function usesKms(attributes: Readonly<Record<string, string>> | undefined): boolean {
  return attributes?.[SSE] === "aws:kms";
}

/** A bucket policy with `Null: s3:x-amz-server-side-encryption`. @throws {S3Error} `AccessDenied`. */
export function checkIsEncrypted(headers: ReadonlyMap<string, string>): void {
  if (headers.has(SSE)) return;
  throw new S3Error("AccessDenied", "User is not authorized: explicit deny in a bucket policy");
}
