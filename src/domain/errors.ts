/**
 * The codes of all errors of this project. A code is a promise to callers: it never changes its meaning.
 * `src/http/problem.ts` must have a status for each, or it does not compile.
 */
export type ErrorCode =
  // the request
  | "invalid_request"
  | "invalid_parameter"
  | "invalid_multipart"
  | "missing_file"
  | "too_many_files"
  | "too_many_fields"
  | "invalid_filename"
  | "invalid_metadata"
  | "invalid_cursor"
  | "invalid_digest"
  | "digest_mismatch"
  | "invalid_idempotency_key"
  | "idempotency_key_reused"
  | "idempotency_key_in_use"
  | "quota_exceeded"
  | "rate_limited"
  | "unknown_processor"
  | "unsupported_media_type"
  | "upload_too_large"
  | "body_too_large"
  | "body_incomplete"
  | "request_timeout"
  | "request_aborted"
  // the caller
  | "unauthenticated"
  | "insufficient_scope"
  | "auth_unavailable"
  // the resource
  | "route_not_found"
  | "method_not_allowed"
  | "upload_not_found"
  | "upload_in_progress"
  | "upload_conflict"
  | "too_many_streams"
  | "server_busy"
  | "text_not_found"
  | "text_not_ready"
  | "precondition_failed"
  | "range_not_satisfiable"
  // storage
  | "object_not_found"
  | "object_exists"
  | "object_changed"
  | "object_corrupt"
  | "invalid_key"
  | "invalid_storage_uri"
  | "unknown_driver"
  | "unsupported_option"
  | "storage_access_denied"
  | "storage_read_only"
  | "storage_full"
  | "storage_timeout"
  | "storage_unavailable"
  | "storage_misconfigured"
  // records
  | "records_unavailable"
  | "records_full"
  | "records_newer"
  | "reservation_lost"
  // processing, also in `processing.error`
  | "document_unreadable"
  | "document_wrong_type"
  | "document_truncated"
  | "document_encrypted"
  | "document_empty"
  | "document_has_no_pages"
  | "document_has_no_text"
  | "document_too_complex"
  | "extractor_crashed"
  | "extractor_unavailable"
  | "processor_failed"
  | "processor_missing"
  // the service
  | "invalid_config"
  | "internal";

/** Marks errors of this project. With two installed copies of the package, `instanceof` fails. */
const BRAND = Symbol.for("stowage.error");

export interface StowageErrorOptions {
  /** For the log. Callers never see it. */
  readonly cause?: unknown;
  /** Whether the same call may succeed later without any change. Default: `false`. */
  readonly retryable?: boolean | undefined;
  /**
   * What an operator can do about it: one sentence without a final period, such as "set AWS_REGION to the region of the
   * bucket". No secrets and no filenames. Logs, the health of storages and `stowage doctor` show it, callers never see it.
   */
  readonly advice?: string | undefined;
  /** Facts, with units in their names. No secrets and no filenames. */
  readonly data?: Readonly<Record<string, string | number | boolean | null>> | undefined;
}

/**
 * The base of all errors that cross a port.
 *
 * Match on `code` (see {@link isStowageError}), never on the message or on `instanceof` alone. The message is a sentence
 * without a final period: what could not be done, a colon, and why. Callers may see it, so it contains no path, bucket,
 * key or secret. Exceptions are codes for operators (`storage_*`, `invalid_config`), whose messages the HTTP layer
 * replaces.
 */
export class StowageError extends Error {
  override readonly name: string = "StowageError";
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly advice: string | undefined;
  readonly data: Readonly<Record<string, string | number | boolean | null>>;

  constructor(code: ErrorCode, message: string, options: StowageErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.advice = options.advice;
    this.data = options.data ?? {};
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** The body is longer than the limit that applies to it. */
export class UploadTooLargeError extends StowageError {
  readonly limitBytes: number;
  constructor(limitBytes: number) {
    super("upload_too_large", `Cannot accept upload: file exceeds ${limitBytes} bytes`, {
      data: { limitBytes },
    });
    this.limitBytes = limitBytes;
  }
}

/** @throws {UploadTooLargeError} If `sizeBytes` is more than `limitBytes`. */
export function assertUploadSize(sizeBytes: number, limitBytes: number): void {
  if (sizeBytes > limitBytes) throw new UploadTooLargeError(limitBytes);
}

/** The storage contradicts itself or its port: nothing that it reports can be relied on. */
export function untrustedStorage(reason: string): StowageError {
  return new StowageError("storage_unavailable", `Cannot trust the storage: ${reason}`);
}

/** The requested range begins at or after the end of the file (RFC 9110, 15.5.17). */
export class RangeNotSatisfiableError extends StowageError {
  readonly sizeBytes: number;
  constructor(sizeBytes: number) {
    super("range_not_satisfiable", `Cannot serve range: file has ${sizeBytes} bytes`, {
      data: { sizeBytes },
    });
    this.sizeBytes = sizeBytes;
  }
}

/** Whether `error` is an error of this project, from any copy of the package, and has `code` if you pass one. */
export function isStowageError(error: unknown, code?: ErrorCode): error is StowageError {
  if (typeof error !== "object" || error === null || !(BRAND in error)) return false;
  return code === undefined || (error as unknown as StowageError).code === code;
}

/** Whether `error` means that the caller left: an aborted signal or a closed connection. */
export function isAbort(error: unknown): boolean {
  if (isStowageError(error)) return error.code === "request_aborted";
  return error instanceof Error && error.name === "AbortError";
}
