import type { ErrorCode } from "../../../src/driver.ts";
import type { Recovery } from "./failure.ts";

/** Maps one of S3's error codes to our code, advice for the operator, and a recovery. */
export type ErrorMapping = readonly [code: ErrorCode, advice: string, recovery?: Recovery];

const BAD_ACCESS_KEY: ErrorMapping = [
  "storage_misconfigured",
  "the server does not know this access key; check the credentials and the endpoint",
  "credentials",
];
const EXPIRED_TOKEN: ErrorMapping = [
  "storage_misconfigured",
  "the session token is expired or not for this key; renew the credentials",
  "credentials",
];
const THROTTLED: ErrorMapping = ["storage_unavailable", "it throttles requests", "throttle"];
/** Overload or an outage. Services and proxies do not say which. */
const UNAVAILABLE: ErrorMapping = [
  "storage_unavailable",
  "it has an internal error or throttles requests",
  "throttle",
];
const SERVER_ERROR: ErrorMapping = ["storage_unavailable", "it has an internal error", "wait"];
const DENIED: ErrorMapping = ["storage_access_denied", ""];
const CORRUPTED_BODY: ErrorMapping = [
  "storage_unavailable",
  "the body was changed in transit",
  "wait",
];
const CONFLICT: ErrorMapping = [
  "storage_unavailable",
  "another request is changing the same object",
  "wait",
];
const WRONG_REGION: ErrorMapping = [
  "storage_misconfigured",
  "the bucket is elsewhere; set its region or endpoint",
  "region",
];
const FULL: ErrorMapping = ["storage_full", "the quota is used up; raise it"];
const NOT_FOUND: ErrorMapping = ["object_not_found", "nothing is stored there"];
const UNSUPPORTED: ErrorMapping = ["unsupported_option", "the storage does not support this"];
const BAD_PARTS: ErrorMapping = [
  "storage_unavailable",
  "the parts do not match those that were stored",
];
const BAD_SIZE: ErrorMapping = [
  "storage_unavailable",
  "it does not accept the size of the object or a part",
];

/**
 * All S3 error codes: AWS's, and those of Ceph, MinIO, R2 and others.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
export const ERROR_MAPPINGS: ReadonlyMap<string, ErrorMapping> = new Map<string, ErrorMapping>(
  Object.entries({
    NoSuchKey: NOT_FOUND,
    NoSuchVersion: NOT_FOUND,
    NoSuchUpload: ["object_not_found", "there is no such multipart upload"],
    NoSuchBucket: [
      "storage_misconfigured",
      "there is no such bucket; create it, or check its name and the endpoint",
    ],
    InvalidBucketName: ["storage_misconfigured", "it does not accept the bucket's name"],
    PreconditionFailed: ["object_changed", "something else is stored there"],
    ConditionalRequestConflict: CONFLICT,
    OperationAborted: CONFLICT,
    InvalidRange: ["object_changed", "the object has become shorter"],
    KeyTooLongError: ["invalid_key", "the key is longer than the storage allows"],
    XMinioInvalidObjectName: ["invalid_key", "the storage does not accept the key"],
    AccessDenied: DENIED,
    AllAccessDisabled: DENIED,
    AccountProblem: DENIED,
    InvalidObjectState: [
      "storage_access_denied",
      "the object is archived; restore it, or keep this prefix out of archive tiers",
    ],
    InvalidAccessKeyId: BAD_ACCESS_KEY,
    InvalidSecurity: BAD_ACCESS_KEY,
    SignatureDoesNotMatch: [
      "storage_misconfigured",
      "the secret key does not belong to the access key, or a proxy changes requests; check both",
    ],
    ExpiredToken: EXPIRED_TOKEN,
    InvalidToken: EXPIRED_TOKEN,
    TokenRefreshRequired: EXPIRED_TOKEN,
    RequestTimeTooSkewed: [
      "storage_misconfigured",
      "our clock and the server's differ; set this machine's time",
      "clock",
    ],
    RequestExpired: [
      "storage_misconfigured",
      "our clock and the server's differ; set this machine's time",
      "clock",
    ],
    AuthorizationHeaderMalformed: WRONG_REGION,
    IllegalLocationConstraintException: WRONG_REGION,
    PermanentRedirect: WRONG_REGION,
    TemporaryRedirect: WRONG_REGION,
    Redirect: WRONG_REGION,
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
    BadRequest: [
      "storage_misconfigured",
      "it gives no reason; check the region, and whether the credentials have expired",
    ],
    RequestTimeout: ["storage_unavailable", "the request came too slowly", "throttle"],
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
    NotImplemented: UNSUPPORTED,
    MethodNotAllowed: [
      "storage_misconfigured",
      "it does not accept this request; check the endpoint",
    ],
  } satisfies Record<string, ErrorMapping>),
);

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
  return ["storage_unavailable", "it rejects the request"];
}

/**
 * The permission that each action needs.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
 */
export const PERMISSIONS: Readonly<Record<string, string>> = {
  PutObject: "s3:PutObject",
  CreateMultipartUpload: "s3:PutObject",
  UploadPart: "s3:PutObject",
  CompleteMultipartUpload: "s3:PutObject",
  CopyObject: "s3:GetObject and s3:PutObject",
  UploadPartCopy: "s3:GetObject and s3:PutObject",
  GetObject: "s3:GetObject",
  HeadObject: "s3:GetObject",
  DeleteObject: "s3:DeleteObject",
  DeleteObjects: "s3:DeleteObject",
  HeadBucket: "s3:ListBucket",
  ListObjectsV2: "s3:ListBucket",
  AbortMultipartUpload: "s3:AbortMultipartUpload",
  ListParts: "s3:ListMultipartUploadParts",
  ListMultipartUploads: "s3:ListBucketMultipartUploads",
};
