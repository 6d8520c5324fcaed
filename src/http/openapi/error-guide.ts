import type { ErrorCode } from "../../domain/errors.ts";

/**
 * What each code means and what the caller can do, in about two sentences. Shown in the OpenAPI document, on
 * the page that renders it, and in `docs/errors.md`. The only Markdown allowed is backticks.
 */
export const ERROR_GUIDE: Readonly<Record<ErrorCode, string>> = {
  // the request
  invalid_request: "The body is malformed. Send valid JSON.",
  invalid_parameter: "Some parameters or fields are invalid. `errors` lists each of them.",
  invalid_multipart:
    "The form is cut off, or one of its parts is malformed. Let an HTTP library write the form and its `Content-Type` with the boundary.",
  missing_file: "The form has no file in the field `file`. Add one.",
  too_many_files: "The form has more than one file. Send one request per file.",
  too_many_fields: "The form has too many fields, or a field is too long. Send less.",
  invalid_filename:
    "The filename is empty, `.` or `..`, contains control characters, or is not valid UTF-8. Send another one.",
  invalid_metadata:
    "`metadata` is not a JSON object, is nested too deeply, or exceeds 2 KiB. Send a smaller object.",
  invalid_cursor:
    "`cursor` is not a `next_cursor` of this list. Start again from the first page, without `cursor`.",
  invalid_digest:
    "A digest is malformed. Send it in the format that its header or field is documented with.",
  digest_mismatch:
    "The received bytes do not match the digest, and nothing was stored. Send the file again.",
  invalid_idempotency_key:
    "`Idempotency-Key` is empty, too long or sent twice. Use a UUID, for example.",
  idempotency_key_reused:
    "This `Idempotency-Key` was used for a different request within the last day. Use a new key for a new upload.",
  idempotency_key_in_use:
    "The first request with this `Idempotency-Key` is still in progress. Try again after `Retry-After`.",
  quota_exceeded:
    "The upload would exceed the tenant's quota. Delete uploads, or ask the operator for a larger quota.",
  rate_limited: "Too many requests. Try again after `Retry-After`.",
  unknown_processor: "No processor of this name is installed. Choose another, or leave it out.",
  unsupported_media_type:
    "This `Content-Type` or `Content-Encoding` is not accepted here. See the accepted types of this call.",
  upload_too_large: "The file exceeds the size limit. Send a smaller file.",
  body_too_large: "The body exceeds the size limit of this call. Send a smaller body.",
  body_incomplete:
    "The connection closed before the whole body arrived, and nothing was stored. Send it again.",
  request_timeout:
    "The body arrived too slowly or not at all, and nothing was stored. Send it again.",
  request_aborted: "The client closed the connection. This code appears in logs only.",
  // authentication
  unauthenticated:
    "The credential is missing, wrong, expired or revoked. Send a valid one in `Authorization`.",
  insufficient_scope:
    "The credential does not allow this. Use one that has the scope named in the response.",
  auth_unavailable: "Credentials cannot be checked right now. Try again after `Retry-After`.",
  // resources
  route_not_found: "This path does not exist. Check the list of calls.",
  method_not_allowed: "The path does not support this method. `Allow` lists those it supports.",
  upload_not_found:
    "The upload does not exist, was deleted, or belongs to another tenant. Check the id.",
  upload_in_progress: "The file is still arriving. Try again when its status has changed.",
  upload_conflict:
    "The upload was changed at the same time, or its status does not allow this. Fetch it again.",
  too_many_streams:
    "The tenant has too many event streams open. Close some, or poll the upload instead.",
  server_busy: "The server is at capacity. Try again after `Retry-After`.",
  text_not_found:
    "No text was extracted from this file, and none is on its way. Reprocess the upload to try again.",
  text_not_ready: "The file is waiting to be processed. Follow its events, then try again.",
  precondition_failed:
    "The condition in `If-Match` or `If-Unmodified-Since` is false. Fetch the current state first.",
  range_not_satisfiable:
    "`Range` starts after the end of the file. `Content-Range` has the size of the file.",
  // storage
  object_not_found: "The file is missing from its storage. Give the operator the upload's id.",
  object_exists:
    "The storage already has an object of this name. Give the operator the `request_id`.",
  object_changed: "The file changed while it was being read. Try again.",
  object_corrupt:
    "The stored file is damaged. Give the operator the `request_id`; once the file is restored, download all of it.",
  invalid_key: "The filename is too long for this storage. Send a shorter one.",
  invalid_storage_uri: "A storage setting is invalid. Give the operator the `request_id`.",
  unknown_driver: "The driver of a storage is not installed. Give the operator the `request_id`.",
  unsupported_option: "The storage does not support this. Give the operator the `request_id`.",
  storage_access_denied: "The storage denied access. Give the operator the `request_id`.",
  storage_read_only: "The storage is read-only at the moment. Try again later.",
  storage_full: "The storage is full. Try again when the operator has freed space.",
  storage_timeout: "The storage did not respond in time. Try again after `Retry-After`.",
  storage_unavailable: "The storage is unreachable. Try again after `Retry-After`.",
  storage_misconfigured: "The storage is misconfigured. Give the operator the `request_id`.",
  // records
  records_unavailable: "The database is unreachable. Try again after `Retry-After`.",
  records_full: "The database is full. Try again when the operator has freed space.",
  records_newer:
    "The database was upgraded by a newer version. Give the operator the `request_id`.",
  reservation_lost:
    "The upload took longer than its reservation lasted, and nothing was stored. Send it again.",
  // processing: these also appear in `processing.error`
  document_unreadable:
    "The document is corrupt or in an unsupported format. Upload an intact copy.",
  document_wrong_type:
    "The document does not match its declared type. Upload it with the right type.",
  document_truncated: "The document is cut off before its end. Upload the whole file.",
  document_encrypted: "The document is password-protected. Upload it without a password.",
  document_empty: "The document has no content. Upload another one.",
  document_has_no_pages: "The document has no pages. Upload another one.",
  document_has_no_text: "No text found. If the pages are scans, run OCR first.",
  document_too_complex:
    "Processing the document exceeds the memory or time limit. Upload a simpler one.",
  extractor_crashed: "Processing crashed on this document. Reprocess it, or upload another copy.",
  extractor_unavailable: "Documents cannot be processed right now. Stowage retries automatically.",
  processor_failed: "The processor failed. Reprocess the upload, or give the operator its id.",
  processor_missing: "The processor is no longer installed. Reprocess the upload without it.",
  // the service
  invalid_config: "The service is misconfigured. Give the operator the `request_id`.",
  internal: "The service failed; the cause is in its log. Give the operator the `request_id`.",
};
