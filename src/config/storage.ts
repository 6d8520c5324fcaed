import { percentEncode } from "../domain/percent.ts";
import { parseStorageUri, type StorageUri } from "../domain/storage-uri.ts";
import { mask } from "./mask.ts";
import type { ConfigProblem, Env } from "./problem.ts";
import type { Values } from "./settings.ts";

/** The default key prefix in a bucket. */
export const DEFAULT_PREFIX = "uploads";

/** The storage for new files. The URI never contains keys or secrets: the driver reads those from the environment. */
export function primaryStorage(values: Values, problems: ConfigProblem[]): StorageUri {
  const scheme = values.FILE_STORAGE_TYPE;
  const given = values.FILE_STORAGE_PATH;
  if (scheme === "local") return plainUri(scheme, given ?? "./storage/uploads");
  if (scheme === "memory") return plainUri(scheme, "");
  const prefix = keyPrefix(given ?? DEFAULT_PREFIX);
  if (given !== null && (prefix.split("/").includes("..") || !prefix.isWellFormed())) {
    const expected = "a key prefix without .. segments and without broken characters";
    problems.push({ variable: "FILE_STORAGE_PATH", read: mask(given, false), expected });
    return plainUri(scheme, "");
  }
  if (scheme === "unstorage") return unstorageUri(values, prefix, problems);
  return scheme === "s3" ? bucketUri(values, prefix) : plainUri(scheme, prefix);
}

/** Drops `./` and doubled slashes, which mean nothing in a bucket. */
export function keyPrefix(path: string): string {
  return path
    .split("/")
    .filter((segment) => segment !== "" && segment !== ".")
    .join("/");
}

/** Whether a storage reads the `AWS_…` variables. With `?env=ARCHIVE` it reads prefixed ones. */
export function usesS3(values: Values): boolean {
  const fallbacks = values.FILE_STORAGE_FALLBACK ?? [];
  return (
    values.FILE_STORAGE_TYPE === "s3" ||
    fallbacks.some((uri) => uri.scheme === "s3" && uri.options["env"] === undefined)
  );
}

/** The variable prefixes of fallbacks: `ARCHIVE` in `s3://bucket?env=ARCHIVE`. */
export function variablePrefixes(values: Values): readonly string[] {
  const named = (values.FILE_STORAGE_FALLBACK ?? []).map((uri) => uri.options["env"]);
  return [...new Set(named.filter((prefix) => prefix !== undefined))];
}

/** Problems with combinations of valid settings. */
export function s3Problems(env: Env, values: Values): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const start of ["", ...variablePrefixes(values).map((prefix) => `${prefix}_`)]) {
    const names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map((name) => `${start}${name}`);
    const missing = names.filter((name) => !env[name]?.trim());
    const [variable] = missing;
    if (variable === undefined || missing.length === 2) continue;
    const other = names.find((name) => name !== variable);
    problems.push({ variable, read: "nothing", expected: `a value, as ${other} is set` });
  }
  const { AWS_S3_SSE: sse, AWS_S3_SSE_KMS_KEY_ID: kmsKey } = values;
  if (kmsKey !== null && sse !== "aws:kms") {
    const read = mask(kmsKey, false);
    const expected = "nothing unless AWS_S3_SSE is aws:kms";
    problems.push({ variable: "AWS_S3_SSE_KMS_KEY_ID", read, expected });
  }
  if (values.FILE_STORAGE_TYPE === "s3") problems.push(...bucketProblems(env, values));
  return problems;
}

function bucketProblems(env: Env, values: Values): readonly ConfigProblem[] {
  const bucket = values.AWS_S3_BUCKET;
  if (bucket === null) {
    if (env["AWS_S3_BUCKET"]?.trim()) return []; // reported already
    const expected = "the name of a bucket, as FILE_STORAGE_TYPE is s3";
    return [{ variable: "AWS_S3_BUCKET", read: "nothing", expected }];
  }
  for (const variable of ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"] as const) {
    const endpoint = values[variable];
    if (endpoint === null) continue;
    const { protocol, host, pathname } = new URL(endpoint);
    // Consoles show this form for copying; the bucket would appear twice.
    const server = host.startsWith(`${bucket}.`) ? host.slice(bucket.length + 1) : host;
    const base = pathname.endsWith(`/${bucket}`) ? pathname.slice(0, -bucket.length - 1) : pathname;
    if (server === host && base === pathname) return [];
    const right = `${protocol}//${server}${base}`.replace(/\/$/, "");
    const expected = `the server's URL without the bucket, ${right}`;
    return [{ variable, read: mask(endpoint, false), expected }];
  }
  return [];
}

/** Built without parsing, so that no character in a path needs escaping. */
function plainUri(scheme: string, path: string): StorageUri {
  return { scheme, authority: "", path, options: {}, display: `${scheme}:${path}` };
}

/** `UNSTORAGE_DRIVER` with the prefix after the driver's name, as in the URI. */
function unstorageUri(values: Values, prefix: string, problems: ConfigProblem[]): StorageUri {
  const variable = "UNSTORAGE_DRIVER";
  const driver = values[variable];
  if (driver === null) {
    const reported = problems.some((problem) => problem.variable === variable);
    const expected = "a driver of unstorage, like redis?url=redis://localhost";
    if (!reported) problems.push({ variable, read: "nothing", expected });
    return plainUri("unstorage", prefix);
  }
  const path = prefix === "" ? driver.path : `${driver.path}/${prefix}`;
  const display = driver.display.replace(/:[^?]*/, () => `:${path}`);
  return { ...driver, path, display };
}

/** Built as text, so that the URI shown in messages works as a fallback. */
function bucketUri(values: Values, prefix: string): StorageUri {
  const pathStyle = values.AWS_S3_FORCE_PATH_STYLE;
  const options = {
    region: values.AWS_REGION ?? values.AWS_DEFAULT_REGION,
    endpoint: values.AWS_ENDPOINT_URL_S3 ?? values.AWS_ENDPOINT_URL,
    path_style: pathStyle === null ? null : String(pathStyle),
    sse: values.AWS_S3_SSE,
    sse_kms_key_id: values.AWS_S3_SSE_KMS_KEY_ID,
    storage_class: values.AWS_S3_STORAGE_CLASS,
    // As in the AWS CLI, keys in the environment win.
    profile: values.AWS_ACCESS_KEY_ID === null ? values.AWS_PROFILE : null,
  };
  const set = Object.entries(options).filter((pair): pair is [string, string] => pair[1] !== null);
  const query = set.length === 0 ? "" : `?${new URLSearchParams(set)}`;
  const path = prefix.split("/").map(percentEncode).join("/");
  return parseStorageUri(`s3://${values.AWS_S3_BUCKET ?? ""}/${path}${query}`);
}
