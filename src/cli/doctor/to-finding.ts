import { redact } from "../../adapters/log/redact.ts";
import { type ErrorCode, isStowageError } from "../../domain/errors.ts";
import type { StorageUri } from "../../domain/storage-uri.ts";
import { describeCause, MAX_CAUSES } from "../cause.ts";
import type { Finding } from "./check.ts";
import { type Diagnosis, findDiagnosis, NOT_S3, UNREACHABLE } from "./s3-diagnoses.ts";
import { missingPermission } from "./s3-permissions.ts";

/** Codes that the S3 driver gives to responses that S3 never sends. */
const FOREIGN = /^(?:Status\d+|BadRequest|MethodNotAllowed)$/;
/** Schemes of drivers whose messages say what to do. */
const SELF_EXPLAINED: readonly string[] = ["local", "memory", "s3"];
const UNREACHABLE_ADVICE =
  "check that the service it stores in is up and reachable from here, and that the options name the right one";
/** General advice, for drivers of third parties. */
const ADVICE: Partial<Record<ErrorCode, string>> = {
  storage_unavailable: UNREACHABLE_ADVICE,
  storage_timeout: UNREACHABLE_ADVICE,
  storage_access_denied: "set a user and password, or a key, with read and write access",
};

/** What failed, and where. */
export interface Failure {
  readonly error: unknown;
  readonly uri: StorageUri;
  /** What was tried: `write`. */
  readonly step?: string | undefined;
  /** Whether a web page was returned instead of an S3 response. */
  readonly sawWebPage?: boolean;
}

/** Describe a failure, and what to do about it. */
export function toFinding({ error, uri, step, sawWebPage = false }: Failure): Finding {
  const before = step === undefined ? "" : `${step}: `;
  const message = error instanceof Error ? error.message : String(error);
  const diagnosis = uri.scheme === "s3" ? findS3Diagnosis(error, sawWebPage) : undefined;
  if (diagnosis === undefined) return undiagnosed(error, uri, `${before}${message}`);
  const permission = isStowageError(error, "storage_access_denied")
    ? permissionAdvice(error.data["action"], uri, step)
    : null;
  return {
    status: "fail",
    text: `${before}${diagnosis.problem}`,
    detail: message,
    advice: withVariablePrefix(uri, permission ?? diagnosis.advice),
  };
}

/** Without a diagnosis the error's message counts; a third-party driver may have the reason only in the cause. */
function undiagnosed(error: unknown, uri: StorageUri, text: string): Finding {
  const cause = error instanceof Error ? withoutSecretsOf(uri, redact(describeCause(error))) : "";
  const advice =
    isStowageError(error) && !SELF_EXPLAINED.includes(uri.scheme) ? ADVICE[error.code] : undefined;
  return { status: "fail", text: `${text}${cause}`, advice };
}

/** A library may quote its options: hide what the URI's display hides. */
function withoutSecretsOf({ options, authority, display }: StorageUri, text: string): string {
  return [...Object.values(options), authority]
    .flatMap((value) => [value, /^(?:.*:\/\/)?[^:@]*:(.*)@/.exec(value)?.[1] ?? ""])
    .filter((value) => value !== "" && !display.includes(value))
    .reduce((shown, secret) => shown.replaceAll(secret, "***"), text);
}

/** With `?env=ARCHIVE` the variables have a prefix. */
function withVariablePrefix({ options }: StorageUri, advice: string): string {
  const prefix = options["env"];
  return prefix === undefined ? advice : advice.replaceAll(/\bAWS_/g, `${prefix}_AWS_`);
}

function findS3Diagnosis(error: unknown, sawWebPage: boolean): Diagnosis | undefined {
  if (!isStowageError(error)) return undefined;
  if (sawWebPage) return NOT_S3;
  const { code, data } = error;
  const s3Code = data["s3Code"];
  // No request was sent: options or keys are wrong, and the message says which.
  if (s3Code === undefined) return undefined;
  if (s3Code === null) return findDiagnosis(networkCode(error.cause) ?? "") ?? UNREACHABLE;
  if (code === "storage_misconfigured" && FOREIGN.test(String(s3Code))) return NOT_S3;
  return findDiagnosis(String(s3Code));
}

/** The innermost code: that of the system call or of TLS. */
function networkCode(error: unknown): string | null {
  let found: string | null = null;
  let current = error;
  for (let depth = 0; depth < MAX_CAUSES && current instanceof Error; depth += 1) {
    if ("code" in current && typeof current.code === "string") found = current.code;
    current = current.cause;
  }
  return found;
}

function permissionAdvice(call: unknown, uri: StorageUri, step: string | undefined): string | null {
  // After a delete the key is looked up; S3 reports it missing only to callers that may list.
  const asked = step === "delete" && call === "HeadObject" ? "ListObjectsV2" : call;
  const line = missingPermission(asked, uri);
  if (line === null) return null;
  return `allow ${line}${furtherAdvice(asked, uri)}`;
}

/** What else may be missing. */
function furtherAdvice(call: unknown, { options: { sse, endpoint } }: StorageUri): string {
  const writes = call === "PutObject";
  const reads = call === "GetObject";
  let also = "";
  if (sse === "aws:kms" && (writes || reads)) {
    also += "; with a KMS key also kms:GenerateDataKey and kms:Decrypt on the key";
  }
  if (writes && (sse === "none" || (sse === undefined && endpoint !== undefined))) {
    also += "; if the bucket demands encryption, set AWS_S3_SSE=AES256";
  }
  if (reads) also += "; without s3:ListBucket, missing objects are reported as denied";
  return also;
}
