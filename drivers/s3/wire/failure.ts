import { type ErrorCode, StowageError } from "../../../src/driver.ts";
import type { Addressing } from "./addressing.ts";
import type { Credentials, S3Request } from "./protocol.ts";

/** What to try after a failed attempt before the call fails. */
export type Recovery =
  /** Nothing: a repetition would fail again. */
  | "none"
  /** Wait and repeat it. */
  | "wait"
  /** Send fewer requests, and repeat this one. */
  | "throttle"
  /** Sign for the region that the server names. */
  | "region"
  /** Sign with the server's time. */
  | "clock"
  /** Get other credentials. */
  | "credentials";

/** Whether the same request may succeed later. */
export function isTransient(recovery: Recovery | undefined): boolean {
  return recovery === "wait" || recovery === "throttle";
}

/** Why an attempt failed, as plain data. */
export interface Failure {
  readonly code: ErrorCode;
  /** What happened, without a final period. Holds nothing secret. */
  readonly reason: string;
  /** What an operator can do, by the names of AWS's variables. */
  readonly advice?: string | undefined;
  readonly recovery: Recovery;
  /** S3's error code and the status of the response. `null` without a response. */
  readonly s3Code: string | null;
  readonly status: number | null;
  /** From `Retry-After`, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** The bucket's region, if the server names it. */
  readonly region?: string | undefined;
  /** The server's clock, in milliseconds since 1970. */
  readonly serverTime?: number | undefined;
  readonly cause?: unknown;
}

/** `advice` with the names of the variables that a storage with `?env=` reads. */
export function namingVariables(
  advice: string | undefined,
  env: string | undefined,
): string | undefined {
  return env === undefined ? advice : advice?.replaceAll(/\bAWS_/g, `${env}_AWS_`);
}

/** What errors need to know about one attempt of a request. */
export interface Attempt {
  readonly request: S3Request;
  readonly bucket: string;
  /** Of the storage in the bucket: empty, or with a slash at its end. */
  readonly prefix: string;
  /** The prefix of the storage's variables: with `ARCHIVE` the region is in `ARCHIVE_AWS_REGION`. */
  readonly env: string | undefined;
  readonly addressing: Addressing;
  readonly credentials: Credentials;
  /** From 1. */
  readonly number: number;
}

/** The error of a call, if this attempt is its last. */
export class AttemptError extends StowageError {
  readonly failure: Failure;

  constructor(failure: Failure, { request, bucket, env, addressing, number }: Attempt) {
    const { code, reason, advice, recovery, s3Code, status, cause } = failure;
    const { action } = request;
    const times = number > 1 ? `, after ${number} attempts` : "";
    super(
      code,
      `Cannot ${action} in bucket "${bucket}" (${addressing.region}): ${reason}${times}`,
      {
        cause,
        advice: namingVariables(advice, env),
        retryable: isTransient(recovery),
        data: { action, s3Code, status, attempts: number },
      },
    );
    this.failure = failure;
  }
}
