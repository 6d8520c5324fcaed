import type { ErrorCode } from "../../../src/driver.ts";
import type { Recovery } from "./failure.ts";

/** What an error code of S3 means: our code, the reason in words, what an operator can do, and what the client tries. */
export interface ErrorMapping {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly advice?: string | undefined;
  /** Default: `none`. */
  readonly recovery?: Recovery | undefined;
}

const ENDPOINT_ADVICE =
  "AWS_ENDPOINT_URL_S3 is the address of the S3 interface, not of a console or web page (MinIO: port 9000, not 9001)";
const STATUS_ADVICE = "look at the status page of the service, or at the log of the server";

const BAD_ACCESS_KEY: ErrorMapping = {
  code: "storage_misconfigured",
  reason: "the server does not know the key id",
  advice:
    "correct AWS_ACCESS_KEY_ID or AWS_PROFILE; keys work only with the service that issued them, so check AWS_ENDPOINT_URL_S3 too",
  recovery: "credentials",
};
const EXPIRED_TOKEN: ErrorMapping = {
  code: "storage_misconfigured",
  reason: "the session token is expired or belongs to other keys",
  advice:
    "get new keys: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN change together; long-lived keys have no token",
  recovery: "credentials",
};
const CLOCK_SKEW: ErrorMapping = {
  code: "storage_misconfigured",
  reason: "this machine's clock and the server's differ",
  advice: "set the clock of this machine: timedatectl set-ntp true",
  recovery: "clock",
};
const WRONG_REGION: ErrorMapping = {
  code: "storage_misconfigured",
  reason: "the bucket is in another region",
  advice: "set AWS_REGION to the region of the bucket",
  recovery: "region",
};
const THROTTLED: ErrorMapping = {
  code: "storage_unavailable",
  reason: "it throttles requests",
  advice: "if this lasts, ask the provider for a higher limit, or send fewer requests",
  recovery: "throttle",
};
/** Overload or an outage. Services and proxies do not say which. */
const UNAVAILABLE: ErrorMapping = {
  code: "storage_unavailable",
  reason: "it has an internal error or throttles requests",
  advice: STATUS_ADVICE,
  recovery: "throttle",
};
const SERVER_ERROR: ErrorMapping = {
  code: "storage_unavailable",
  reason: "it has an internal error",
  advice: STATUS_ADVICE,
  recovery: "wait",
};
/** The advice names the permission: see `adviceFor` in response-failures.ts. */
const DENIED: ErrorMapping = { code: "storage_access_denied", reason: "access is denied" };
const CORRUPTED_BODY: ErrorMapping = {
  code: "storage_unavailable",
  reason: "the body was changed in transit",
  advice: "check the proxies between this machine and the server",
  recovery: "wait",
};
const CONFLICT: ErrorMapping = {
  code: "storage_unavailable",
  reason: "another request is changing the same object",
  recovery: "wait",
};
const FULL: ErrorMapping = {
  code: "storage_full",
  reason: "its quota is used up",
  advice: "raise the quota of the bucket or of the account",
};
const NOT_FOUND: ErrorMapping = { code: "object_not_found", reason: "nothing is stored there" };
const UNSUPPORTED: ErrorMapping = {
  code: "unsupported_option",
  reason: "the server does not support a requested option",
  advice: "unset AWS_S3_STORAGE_CLASS, and set AWS_S3_SSE=none",
};
const BAD_PARTS: ErrorMapping = {
  code: "storage_unavailable",
  reason: "the parts do not match those that were stored",
};
const BAD_SIZE: ErrorMapping = {
  code: "storage_unavailable",
  reason: "it does not accept the size of the object or a part",
};

/**
 * All S3 error codes: AWS's, and those of Ceph, MinIO, R2 and others.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
export const ERROR_MAPPINGS: ReadonlyMap<string, ErrorMapping> = new Map<string, ErrorMapping>(
  Object.entries({
    NoSuchBucket: {
      code: "storage_misconfigured",
      reason: "the bucket does not exist",
      advice:
        "create it, or correct AWS_S3_BUCKET; if it does exist, AWS_ENDPOINT_URL_S3 or the keys are those of another service",
    },
    InvalidBucketName: {
      code: "storage_misconfigured",
      reason: "it does not accept the bucket's name",
      advice: "correct AWS_S3_BUCKET",
    },
    InvalidAccessKeyId: BAD_ACCESS_KEY,
    InvalidSecurity: BAD_ACCESS_KEY,
    SignatureDoesNotMatch: {
      code: "storage_misconfigured",
      reason: "the secret does not belong to the key id, or a proxy changes requests",
      advice: "copy AWS_SECRET_ACCESS_KEY again, complete and without quotes",
    },
    ExpiredToken: EXPIRED_TOKEN,
    InvalidToken: EXPIRED_TOKEN,
    TokenRefreshRequired: EXPIRED_TOKEN,
    RequestTimeTooSkewed: CLOCK_SKEW,
    RequestExpired: CLOCK_SKEW,
    AuthorizationHeaderMalformed: WRONG_REGION,
    IllegalLocationConstraintException: WRONG_REGION,
    PermanentRedirect: WRONG_REGION,
    TemporaryRedirect: WRONG_REGION,
    Redirect: WRONG_REGION,
    AccessDenied: DENIED,
    AllAccessDisabled: DENIED,
    AccountProblem: DENIED,
    InvalidObjectState: {
      code: "storage_access_denied",
      reason: "the object is archived",
      advice: "restore it, and keep this prefix out of archive tiers",
    },
    BadRequest: {
      code: "storage_misconfigured",
      reason: "it gives no reason",
      advice:
        "check AWS_REGION and whether the keys have expired; AWS_ENDPOINT_URL_S3 must be the address of an S3 interface",
    },
    MethodNotAllowed: {
      code: "storage_misconfigured",
      reason: "it does not accept this request, as an S3 server would",
      advice: ENDPOINT_ADVICE,
    },
    NotImplemented: UNSUPPORTED,
    NoSuchKey: NOT_FOUND,
    NoSuchVersion: NOT_FOUND,
    NoSuchUpload: { code: "object_not_found", reason: "there is no such multipart upload" },
    PreconditionFailed: { code: "object_changed", reason: "something else is stored there" },
    ConditionalRequestConflict: CONFLICT,
    OperationAborted: CONFLICT,
    InvalidRange: { code: "object_changed", reason: "the object has become shorter" },
    KeyTooLongError: { code: "invalid_key", reason: "the key is longer than the storage allows" },
    XMinioInvalidObjectName: {
      code: "invalid_key",
      reason: "the storage does not accept the key",
    },
    SlowDown: THROTTLED,
    SlowDownRead: THROTTLED,
    SlowDownWrite: THROTTLED,
    TooManyRequests: THROTTLED,
    Throttling: THROTTLED,
    ThrottlingException: THROTTLED,
    ThrottledException: THROTTLED,
    RequestThrottled: THROTTLED,
    RequestLimitExceeded: THROTTLED,
    BandwidthLimitExceeded: THROTTLED,
    Busy: THROTTLED,
    ServiceUnavailable: UNAVAILABLE,
    InternalError: SERVER_ERROR,
    InternalFailure: SERVER_ERROR,
    RequestTimeout: {
      code: "storage_unavailable",
      reason: "the request came too slowly",
      recovery: "throttle",
    },
    BadDigest: CORRUPTED_BODY,
    XAmzContentSHA256Mismatch: CORRUPTED_BODY,
    IncompleteBody: CORRUPTED_BODY,
    EntityTooLarge: BAD_SIZE,
    EntityTooSmall: BAD_SIZE,
    InvalidPart: BAD_PARTS,
    InvalidPartOrder: BAD_PARTS,
    QuotaExceeded: FULL,
    ServiceQuotaExceeded: FULL,
    XMinioStorageFull: FULL,
    XMinioAdminBucketQuotaExceeded: FULL,
  } satisfies Record<string, ErrorMapping>),
);

/** Codes whose meaning for a request is that of their status, but for which more can be said. */
const EXPLAINED: readonly (readonly [RegExp, Pick<ErrorMapping, "reason" | "advice">])[] = [
  [
    /^KMS/,
    {
      reason: "the KMS key cannot be used",
      advice:
        "correct AWS_S3_SSE_KMS_KEY_ID, and check that the key is enabled and in the bucket's region",
    },
  ],
  [/^Invalid(StorageClass|Argument|EncryptionAlgorithmError)$/, UNSUPPORTED],
];

/** A response that S3 never sends. */
export const NOT_S3 = {
  reason: "the server is not an S3 server, or a proxy answers for it",
  advice: ENDPOINT_ADVICE,
} as const;

/** What the advice comes to where access is denied. The error itself names the permission and the resource. */
export const ACCESS_DENIED = {
  reason: DENIED.reason,
  advice:
    "allow the named permission in the policy of these keys, and look for a bucket policy that denies it",
} as const;

/** What docs/s3.md and docs/troubleshooting.md explain, in their order. */
export const RESPONSE_EXPLANATIONS = [
  ...new Set([...ERROR_MAPPINGS.values(), ...EXPLAINED.map(([, explained]) => explained)]),
  NOT_S3,
].filter(({ advice }) => advice !== undefined);

/** What an error code means. An unknown one means what its status does. */
export function mappingOf(s3Code: string, status: number): ErrorMapping {
  const known = ERROR_MAPPINGS.get(s3Code);
  if (known !== undefined) return known;
  const explained = EXPLAINED.find(([pattern]) => pattern.test(s3Code))?.[1];
  const { code, recovery, ...usual } = mappingOfStatus(status);
  const { reason, advice } = explained ?? usual;
  return { code, recovery, reason, advice };
}

/** The code for a response without a body. */
export const CODE_OF_STATUS: ReadonlyMap<number, string> = new Map([
  [301, "PermanentRedirect"],
  [307, "TemporaryRedirect"],
  [308, "PermanentRedirect"],
  [400, "BadRequest"],
  [401, "AccessDenied"],
  [403, "AccessDenied"],
  [405, "MethodNotAllowed"],
  [408, "RequestTimeout"],
  [409, "OperationAborted"],
  [412, "PreconditionFailed"],
  [416, "InvalidRange"],
  [429, "TooManyRequests"],
  [499, "RequestTimeout"],
  [500, "InternalError"],
  [501, "NotImplemented"],
  [503, "ServiceUnavailable"],
  [507, "QuotaExceeded"],
]);

/** The mapping for an unknown code, by the status of its response. */
export function mappingOfStatus(status: number): ErrorMapping {
  if (status === 408 || status === 429 || status === 499) return THROTTLED;
  if (status === 501) return UNSUPPORTED;
  if (status === 503) return UNAVAILABLE;
  if (status >= 500) return SERVER_ERROR;
  if (status === 401 || status === 403) return DENIED;
  return { code: "storage_unavailable", reason: "it rejects the request" };
}
