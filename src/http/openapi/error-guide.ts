import type { ErrorCode } from "../../domain/errors.ts";

/**
 * Every code in two sentences or so for whoever meets it: what it means, and what to do. Told in the OpenAPI
 * document, on the page that renders it, and in `docs/errors.md`; Markdown of backticks only.
 */
export const ERROR_GUIDE: Readonly<Record<ErrorCode, string>> = {
  // what the caller sent
  invalid_request: "The body cannot be read as what it should be. Send valid JSON.",
  invalid_parameter: "Parameters or fields are wrong. `errors` lists each: correct those.",
  invalid_multipart:
    "The form is cut, or a part of it cannot be read. Let a library write it, and its `Content-Type` with the boundary.",
  missing_file: "The form has no field `file` that holds a file. Add it.",
  too_many_files: "The form holds more than one file. Send one request for each.",
  too_many_fields: "The form has more fields, or longer ones, than are read. Send fewer.",
  invalid_filename:
    "The name is empty, `.` or `..`, or holds control characters or what is no UTF-8. Send another.",
  invalid_metadata:
    "`metadata` is no JSON object, is nested too deep, or exceeds 2 KiB. Send a smaller one.",
  invalid_cursor: "`cursor` is no `next_cursor` of this list. Begin again without it.",
  invalid_digest: "A digest cannot be read as its header or field wants it. Send it as described.",
  digest_mismatch:
    "What came is not what the digest describes; nothing was kept. Send the file again, whole.",
  invalid_idempotency_key: "`Idempotency-Key` is empty, too long or given twice. Send a UUID.",
  idempotency_key_reused:
    "This `Idempotency-Key` belongs to another request of the last day. Take a new one for a new upload.",
  idempotency_key_in_use:
    "The first request with this `Idempotency-Key` is still under way. Ask again after `Retry-After`.",
  quota_exceeded: "The tenant's quota would be passed. Delete uploads, or ask for more room.",
  rate_limited: "Too many requests. Wait as long as `Retry-After` says.",
  unknown_processor: "A processor of this name is not installed. Name another, or none.",
  unsupported_media_type:
    "Bodies of this type, or in this `Content-Encoding`, are not taken here. Send what is described.",
  upload_too_large: "The file is longer than the limit. Send a smaller one.",
  body_too_large: "The body is longer than such a body may be. Send a smaller one.",
  body_incomplete: "The connection ended before the body did; nothing was kept. Send it again.",
  request_timeout: "The body came too slowly, or not at all; nothing was kept. Send it again.",
  request_aborted: "The client went away. For logs: nobody is there to read it.",
  // who is calling
  unauthenticated: "No credential, or one that is wrong, expired or revoked. Show a valid one.",
  insufficient_scope: "The credential may not do this. Take one with the scope that is named.",
  auth_unavailable: "Credentials cannot be checked now. Try again after `Retry-After`.",
  // what is there
  route_not_found: "Nothing is served at this path. Look at the list of calls.",
  method_not_allowed: "The path does not know this method. `Allow` lists those that it knows.",
  upload_not_found:
    "There is no such upload: it never was, was deleted, or is another tenant's. Check the id.",
  upload_in_progress: "The file is still arriving. Ask again when its status is another.",
  upload_conflict:
    "The upload was changed at the same time, or is in no state for this. Look again.",
  too_many_streams:
    "The tenant follows too many uploads at once. End some streams, or ask instead.",
  server_busy: "The server does too much at once. Try again after `Retry-After`.",
  text_not_found: "No text was found in this file, and none will come by itself. Reprocess it.",
  text_not_ready: "The file waits to be processed. Follow its events, then ask again.",
  precondition_failed: "What `If-Match` or `If-Unmodified-Since` expects is not so. Look again.",
  range_not_satisfiable: "`Range` begins after the end, which `Content-Range` tells. Ask for less.",
  // storage
  object_not_found: "The file is missing in its storage. Tell the operator the upload's id.",
  object_exists: "The storage holds such an object already. Tell the operator the `request_id`.",
  object_changed: "The file changed while it was read. Try again.",
  object_corrupt:
    "The stored file is damaged. Tell the operator the `request_id`; once it is restored, download it whole.",
  invalid_key: "The storage cannot keep a filename this long. Send a shorter one.",
  invalid_storage_uri: "A setting of the storage is wrong. Tell the operator the `request_id`.",
  unknown_driver: "A storage has no driver here. Tell the operator the `request_id`.",
  unsupported_option: "The storage cannot do this. Tell the operator the `request_id`.",
  storage_access_denied: "The storage refuses the service. Tell the operator the `request_id`.",
  storage_read_only: "The storage takes no writes now. Try again later.",
  storage_full: "The storage is full. Try again when the operator has made room.",
  storage_timeout: "The storage did not answer in time. Try again after `Retry-After`.",
  storage_unavailable: "The storage cannot be reached. Try again after `Retry-After`.",
  storage_misconfigured: "The storage is set up wrong. Tell the operator the `request_id`.",
  // records
  records_unavailable: "The database cannot be reached. Try again after `Retry-After`.",
  records_full: "The database is full. Try again when the operator has made room.",
  records_newer: "The database belongs to a newer version. Tell the operator the `request_id`.",
  reservation_lost: "The upload took longer than it was granted; nothing was kept. Send it again.",
  // processing: reasons that end up in `processing.error`
  document_unreadable:
    "The document is damaged, or in a form that nobody reads. Upload a sound one.",
  document_wrong_type:
    "The document is not of the type it was said to be. Upload it as what it is.",
  document_truncated: "The document was cut off before its end. Upload all of it.",
  document_encrypted: "The document wants a password. Upload it without one.",
  document_empty: "The document has no content. Upload another.",
  document_has_no_pages: "The document has no pages. Upload another.",
  document_has_no_text:
    "The document has no text, as pictures of pages have none. Recognize it first.",
  document_too_complex:
    "Reading it takes more memory or time than is granted. Upload a simpler one.",
  extractor_crashed: "The extractor died of the document. Reprocess it, or upload another.",
  extractor_unavailable: "Documents cannot be processed now. It is tried again by itself.",
  processor_failed: "The processor failed. Reprocess it, or tell the operator the upload's id.",
  processor_missing: "The processor is no longer installed. Reprocess without it.",
  // ours
  invalid_config: "The service is set up wrong. Tell the operator the `request_id`.",
  internal: "The service failed, and has logged why. Tell the operator the `request_id`.",
};
