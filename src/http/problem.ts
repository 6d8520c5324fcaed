import { z } from "@hono/zod-openapi";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { type ErrorCode, isAbort, isStowageError, StowageError } from "../domain/errors.ts";

/** The status of each code. The only such table: a new code does not compile until it has one. */
export const STATUS: Record<ErrorCode, ContentfulStatusCode> = {
  invalid_request: 400,
  invalid_parameter: 422,
  invalid_multipart: 400,
  missing_file: 400,
  too_many_files: 400,
  too_many_fields: 400,
  invalid_filename: 422,
  invalid_metadata: 422,
  invalid_cursor: 400,
  invalid_digest: 400,
  digest_mismatch: 422,
  invalid_idempotency_key: 400,
  idempotency_key_reused: 422,
  idempotency_key_in_use: 409,
  // Not 507 (RFC 4331): clients retry 5xx, and a retry is useless until something is deleted.
  quota_exceeded: 413,
  rate_limited: 429,
  unknown_processor: 422,
  unsupported_media_type: 415,
  upload_too_large: 413,
  body_too_large: 413,
  body_incomplete: 400,
  request_timeout: 408,
  // No standard status means "the client has gone". Only logs see this one, and they know nginx's 499.
  request_aborted: 499 as ContentfulStatusCode,
  unauthenticated: 401,
  insufficient_scope: 403,
  auth_unavailable: 503,
  route_not_found: 404,
  method_not_allowed: 405,
  upload_not_found: 404,
  upload_in_progress: 409,
  upload_conflict: 409,
  too_many_streams: 429,
  server_busy: 503,
  text_not_found: 404,
  text_not_ready: 409,
  precondition_failed: 412,
  range_not_satisfiable: 416,
  object_not_found: 500,
  object_exists: 500,
  object_changed: 503,
  object_corrupt: 500,
  // Callers can cause this only with a filename that is too long for the storage.
  invalid_key: 422,
  invalid_storage_uri: 500,
  unknown_driver: 500,
  unsupported_option: 500,
  // The storage denied the service, not the caller: never a 403.
  storage_access_denied: 503,
  storage_read_only: 503,
  storage_full: 507,
  storage_timeout: 504,
  storage_unavailable: 503,
  storage_misconfigured: 503,
  records_unavailable: 503,
  records_full: 507,
  records_newer: 503,
  reservation_lost: 503,
  document_unreadable: 422,
  document_wrong_type: 422,
  document_truncated: 422,
  document_encrypted: 422,
  document_empty: 422,
  document_has_no_pages: 422,
  document_has_no_text: 422,
  document_too_complex: 422,
  extractor_crashed: 500,
  extractor_unavailable: 503,
  processor_failed: 500,
  processor_missing: 500,
  invalid_config: 500,
  internal: 500,
};

/** Replaces messages that are meant for operators. */
const PUBLIC_DETAIL: Partial<Record<ErrorCode, string>> = {
  auth_unavailable: "Credentials cannot be checked right now",
  object_not_found: "Cannot read the file from its storage",
  object_corrupt: "Cannot read the file from its storage",
  object_changed: "The file changed while it was being read: try again",
  invalid_key: "Cannot use filename: it is too long for this storage",
  storage_full: "The storage is full",
  storage_read_only: "The storage is read-only at the moment",
  storage_timeout: "The storage did not respond in time",
  records_full: "The database is full",
};

/** `Retry-After` when the error does not say when to retry. */
const RETRY_AFTER_SECONDS = 5;
const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([429, 503, 504]);
const TRANSIENT_CODES: ReadonlySet<ErrorCode> = new Set(["idempotency_key_in_use"]);

/** One invalid field: a parameter by its name, or a place in a JSON body as a JSON pointer (RFC 6901). */
export interface FieldProblem {
  readonly parameter?: string;
  readonly pointer?: string;
  readonly detail: string;
}

/** An error with headers or a list of invalid fields for its response. */
export class HttpError extends StowageError {
  readonly headers: Readonly<Record<string, string>>;
  readonly errors: readonly FieldProblem[] | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    extra: {
      readonly headers?: Readonly<Record<string, string>> | undefined;
      readonly errors?: readonly FieldProblem[] | undefined;
    } = {},
  ) {
    super(code, message);
    this.headers = extra.headers ?? {};
    this.errors = extra.errors;
  }
}

/** The error for invalid parameters and fields, which lists them all. */
export function invalidFields(errors: readonly FieldProblem[]): HttpError {
  return new HttpError(
    "invalid_parameter",
    "Cannot use request: some parameters or fields are invalid",
    { errors },
  );
}

/**
 * The body of every error.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9457
 */
export const ProblemSchema = z
  .object({
    type: z
      .literal("about:blank")
      .openapi({ description: "Always this value: look at `code` instead" }),
    title: z.string().openapi({ description: "The standard phrase of the status" }),
    status: z.number().int(),
    detail: z.string().openapi({ description: "For humans; the wording may change" }),
    code: z.string().openapi({ description: "For programs; a code never changes its meaning" }),
    request_id: z.string(),
    errors: z
      .array(
        z.object({
          parameter: z.string().optional(),
          pointer: z.string().optional(),
          detail: z.string(),
        }),
      )
      .optional()
      .openapi({ description: "The invalid parameters or fields" }),
  })
  .openapi("Problem");
export type Problem = z.infer<typeof ProblemSchema>;

/** The code of anything thrown: that of a StowageError, `request_aborted` when the client left, or `internal`. */
export function codeOf(error: unknown): ErrorCode {
  // Another copy of the package may have codes that this one does not know.
  if (isStowageError(error)) return Object.hasOwn(STATUS, error.code) ? error.code : "internal";
  return isAbort(error) ? "request_aborted" : "internal";
}

/** The problem for anything thrown. It reveals no path, bucket, key or stack. */
export function problemOf(error: unknown, requestId: string): Problem {
  const code = codeOf(error);
  const status = STATUS[code];
  const errors = error instanceof HttpError ? error.errors : undefined;
  return {
    type: "about:blank",
    title: TITLES[status] ?? "Error",
    status,
    detail: detailOf(error, code, status),
    code,
    request_id: requestId,
    errors: errors && [...errors],
  };
}

/** The response to anything thrown. */
export function problemResponse(error: unknown, requestId: string): Response {
  const problem = problemOf(error, requestId);
  const code = codeOf(error);
  const status = STATUS[code];
  const headers: Record<string, string> = { "Content-Type": "application/problem+json" };
  if (TRANSIENT_STATUSES.has(status) || TRANSIENT_CODES.has(code)) {
    headers["Retry-After"] = String(retryAfterOf(error));
  }
  const range = rangeOf(error);
  if (range !== null) headers["Content-Range"] = range;
  if (error instanceof HttpError) Object.assign(headers, error.headers);
  return new Response(JSON.stringify(problem), { status, headers });
}

function detailOf(error: unknown, code: ErrorCode, status: number): string {
  const publicDetail = PUBLIC_DETAIL[code];
  if (publicDetail !== undefined) return publicDetail;
  // Messages of 5xx errors are for operators and may contain paths, buckets and settings.
  if (status === 503) return "The service cannot do this right now: try again";
  if (status >= 500) return "The service failed";
  return error instanceof Error ? error.message : "The request failed";
}

/** Whole seconds: the error's own, or the default. */
function retryAfterOf(error: unknown): number {
  const known = isStowageError(error) ? error.data["retryAfterSeconds"] : undefined;
  return typeof known === "number" ? known : RETRY_AFTER_SECONDS;
}

/** `Content-Range` with the size of the file, for a range that starts beyond its end (RFC 9110, 15.5.17). */
function rangeOf(error: unknown): string | null {
  if (!isStowageError(error, "range_not_satisfiable")) return null;
  const sizeBytes = error.data["sizeBytes"];
  return typeof sizeBytes === "number" ? `bytes */${sizeBytes}` : null;
}

/** The phrases of the statuses above (RFC 9110, 15), which `about:blank` requires as `title`. */
const TITLES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  412: "Precondition Failed",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  499: "Client Closed Request",
  500: "Internal Server Error",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  507: "Insufficient Storage",
};
