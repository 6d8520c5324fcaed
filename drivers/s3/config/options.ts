import { z } from "zod";
import { type DriverContext, StowageError } from "../../../src/driver.ts";
import { normalisePrefix } from "../keys.ts";
import { MAX_PART_BYTES, MIN_PART_BYTES } from "../store.ts";
import { isRegion } from "../wire/addressing.ts";
import type { S3Timeouts } from "../wire/client-options.ts";
import type { CredentialSource } from "../wire/protocol.ts";

/** Objects in archives cannot be read until they are restored, which takes hours. */
const ARCHIVES = ["GLACIER", "DEEP_ARCHIVE"];

const region = z.string().refine(isRegion, 'expected a region, like "eu-central-1"');
export const ENDPOINT = z
  .string()
  .refine(isHttpUrl, "expected the server's address, like https://minio.example:9000");
const pathStyle = z
  .union([z.boolean(), z.enum(["true", "false"]).transform((word) => word === "true")])
  .describe("true or false");
const sse = z.enum(["AES256", "aws:kms", "none"]);
const kmsKeyId = z.string().regex(/^[A-Za-z0-9:/_-]+$/, "expected the id or ARN of a KMS key");
const storageClass = z
  .string()
  .regex(/^[A-Z][A-Z0-9_-]*$/, "expected a storage class, like STANDARD_IA")
  .refine(
    (name) => !ARCHIVES.includes(name),
    "expected a class that can be read at once, like GLACIER_IR",
  );

const count = z.int().min(1);

/**
 * Options of an S3 storage, from its URI (`authority` is the bucket, `path` the prefix, the rest the query, all strings)
 * or from code.
 */
export const S3_OPTIONS = z
  .strictObject({
    authority: z.string("expected a bucket: s3://bucket/prefix").min(1),
    path: z.string().default("").transform(readPrefix),
    region: region.optional(),
    /** A server other than AWS. */
    endpoint: ENDPOINT.optional(),
    /** The bucket in the path (`true`) or in the host name. By default endpoint and bucket decide. */
    path_style: pathStyle.optional(),
    sse: sse.optional(),
    sse_kms_key_id: kmsKeyId.optional(),
    storage_class: storageClass.optional(),
    /** A profile of the AWS CLI. Keys, region and endpoint come only from there. */
    profile: z.string().min(1).optional(),
    /** A prefix of variables: `ARCHIVE` reads `ARCHIVE_AWS_REGION` instead of `AWS_REGION`, and so on. */
    env: z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9_]*$/, "expected a prefix of variable names, like ARCHIVE")
      .optional(),
    /** In code: the source of credentials. */
    credentials: z
      .custom<CredentialSource>((value) => typeof value === "function", "expected a function")
      .optional(),
    /** In code: length of the first parts of an upload. Default 8 MiB. */
    partBytes: z.int().min(MIN_PART_BYTES).max(MAX_PART_BYTES).optional(),
    /** In code: maximum of parts in flight, of one upload (default 4) and of all (default 16). */
    partsInFlight: count.optional(),
    maxPartsInFlight: count.optional(),
    timeouts: z.custom<Partial<S3Timeouts>>((value) => typeof value === "object").optional(),
    maxAttempts: count.optional(),
  })
  .refine(({ env, profile }) => env === undefined || profile === undefined, {
    message: "env and profile exclude each other",
  });

export type S3Options = z.output<typeof S3_OPTIONS>;

/** Options that a URI may leave out, with the variables that supply them. The first that is set counts. */
const VARIABLES = [
  ["region", ["AWS_REGION", "AWS_DEFAULT_REGION"], region],
  ["endpoint", ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"], ENDPOINT],
  ["path_style", ["AWS_S3_FORCE_PATH_STYLE"], pathStyle],
  ["sse", ["AWS_S3_SSE"], sse],
  ["sse_kms_key_id", ["AWS_S3_SSE_KMS_KEY_ID"], kmsKeyId],
  ["storage_class", ["AWS_S3_STORAGE_CLASS"], storageClass],
] as const;

/**
 * Complete `options` from the environment. A storage with a `profile` ignores the environment, so that it can be used
 * next to one that the environment configures.
 *
 * @throws {StowageError} `storage_misconfigured`, naming every invalid variable.
 */
export function completeOptions(options: S3Options, { host }: DriverContext): S3Options {
  const completed: Record<string, unknown> = { ...options };
  const problems: string[] = [];
  const prefix = options.env === undefined ? "" : `${options.env}_`;
  const env = options.profile === undefined ? (host?.env ?? {}) : {};
  for (const [name, variables, schema] of VARIABLES) {
    const variable = variables.map((bare) => prefix + bare).find((full) => env[full]?.trim());
    if (variable === undefined || completed[name] !== undefined) continue;
    const read = schema.safeParse(env[variable]?.trim());
    if (read.success) completed[name] = read.data;
    else problems.push(`${variable}: ${read.error.issues[0]?.message}`);
  }
  const complete = completed as S3Options;
  if (complete.sse_kms_key_id !== undefined && complete.sse !== "aws:kms") {
    problems.push("sse_kms_key_id: expected only where sse is aws:kms");
  }
  if (problems.length === 0) return complete;
  throw new StowageError("storage_misconfigured", `Cannot open s3 storage: ${problems.join("; ")}`);
}

/** The headers of every write. `encrypts` is true for AWS, where a bucket policy may require encryption. */
export function writeHeadersOf(options: S3Options, encrypts: boolean): Record<string, string> {
  const { sse = encrypts ? "AES256" : "none", sse_kms_key_id, storage_class } = options;
  return {
    ...(sse !== "none" && { "x-amz-server-side-encryption": sse }),
    ...(sse_kms_key_id !== undefined && {
      "x-amz-server-side-encryption-aws-kms-key-id": sse_kms_key_id,
    }),
    ...(storage_class !== undefined && { "x-amz-storage-class": storage_class }),
  };
}

function readPrefix(path: string, context: z.core.$RefinementCtx): string {
  try {
    return normalisePrefix(path);
  } catch {
    context.addIssue("expected a prefix without .. segments and without broken characters");
    return z.NEVER;
  }
}

function isHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return false;
  return url.username === "" && url.password === "" && url.search === "" && url.hash === "";
}
