import { redact } from "../../adapters/log/redact.ts";
import { type ErrorCode, isStowageError } from "../../domain/errors.ts";
import type { StorageUri } from "../../domain/storage-uri.ts";
import { describeCause, MAX_CAUSES } from "../cause.ts";
import type { Finding } from "./check.ts";
import { missingPermission } from "./s3-permissions.ts";
import { findTrouble, NOT_S3, type Trouble, UNREACHABLE } from "./s3-troubles.ts";

/** Codes that the S3 driver gives to answers that S3 never gives. */
const FOREIGN = /^(?:Status\d+|BadRequest|MethodNotAllowed)$/;
/** Schemes of drivers that say themselves what to do. */
const OWN_WORDS: readonly string[] = ["local", "memory", "s3"];
const UNREACHED =
  "see that what it stores in is up and can be reached from here, and that the options name the right one";
/** All that can be said of a driver that we know nothing about. */
const ADVICE: Partial<Record<ErrorCode, string>> = {
  storage_unavailable: UNREACHED,
  storage_timeout: UNREACHED,
  storage_access_denied: "give it a user and password, or a key, that may read and write there",
};

/** What failed, and where. */
export interface Failed {
  readonly error: unknown;
  readonly uri: StorageUri;
  /** What was tried: `write`. */
  readonly step?: string;
  /** Whether a web page came instead of an answer. */
  readonly page?: boolean;
}

/** A failure in words, with what to do. */
export function explain({ error, uri, step, page = false }: Failed): Finding {
  const before = step === undefined ? "" : `${step}: `;
  const message = error instanceof Error ? error.message : String(error);
  const trouble = uri.scheme === "s3" ? findS3Trouble(error, page) : undefined;
  if (trouble === undefined) return unknownTrouble(error, uri, `${before}${message}`);
  const permission = isStowageError(error, "storage_access_denied")
    ? adviceFor(error.data["action"], uri, step)
    : null;
  return {
    status: "fail",
    text: `${before}${trouble.found}`,
    detail: message,
    advice: inNamesOf(uri, permission ?? trouble.advice),
  };
}

/** What no table knows says itself what was found; a driver of others may say it in the cause alone. */
function unknownTrouble(error: unknown, uri: StorageUri, said: string): Finding {
  const cause = error instanceof Error ? withoutSecretsOf(uri, redact(describeCause(error))) : "";
  const advice =
    isStowageError(error) && !OWN_WORDS.includes(uri.scheme) ? ADVICE[error.code] : undefined;
  return { status: "fail", text: `${said}${cause}`, ...(advice !== undefined && { advice }) };
}

/** A library may quote what it was given: what the URI does not show, nobody else shall. */
function withoutSecretsOf({ options, authority, display }: StorageUri, text: string): string {
  return [...Object.values(options), authority]
    .flatMap((value) => [value, /^(?:.*:\/\/)?[^:@]*:(.*)@/.exec(value)?.[1] ?? ""])
    .filter((value) => value !== "" && !display.includes(value))
    .reduce((shown, secret) => shown.replaceAll(secret, "***"), text);
}

/** With `?env=ARCHIVE` the variables have other names. */
function inNamesOf({ options }: StorageUri, advice: string): string {
  const prefix = options["env"];
  return prefix === undefined ? advice : advice.replaceAll(/\bAWS_/g, `${prefix}_AWS_`);
}

function findS3Trouble(error: unknown, page: boolean): Trouble | undefined {
  if (!isStowageError(error)) return undefined;
  if (page) return NOT_S3;
  const { code, data } = error;
  const s3Code = data["s3Code"];
  // It was not asked: options or keys are amiss, and the message says which.
  if (s3Code === undefined) return undefined;
  if (s3Code === null) return findTrouble(networkCode(error.cause) ?? "") ?? UNREACHABLE;
  if (code === "storage_misconfigured" && FOREIGN.test(String(s3Code))) return NOT_S3;
  return findTrouble(String(s3Code));
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

function adviceFor(call: unknown, uri: StorageUri, step: string | undefined): string | null {
  // What was deleted is looked for; that it is gone is told only to who may list.
  const asked = step === "delete" && call === "HeadObject" ? "ListObjectsV2" : call;
  const line = missingPermission(asked, uri);
  if (line === null) return null;
  return `allow ${line}${alsoFor(asked, uri)}`;
}

/** What may be missing besides. */
function alsoFor(call: unknown, { options: { sse, endpoint } }: StorageUri): string {
  const writes = call === "PutObject";
  const reads = call === "GetObject";
  let also = "";
  if (sse === "aws:kms" && (writes || reads)) {
    also += "; with a KMS key also kms:GenerateDataKey and kms:Decrypt on the key";
  }
  if (writes && (sse === "none" || (sse === undefined && endpoint !== undefined))) {
    also += "; if the bucket demands encryption, set AWS_S3_SSE=AES256";
  }
  if (reads) also += "; without s3:ListBucket, what is missing is denied too";
  return also;
}
