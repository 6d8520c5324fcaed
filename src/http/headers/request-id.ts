/**
 * Request ids of callers that are safe in headers and logs. API keys and JSON Web Tokens that were sent in the wrong
 * header are not.
 */
const SAFE_REQUEST_ID = /^(?!stw_|eyJ)[A-Za-z0-9._-]{1,128}$/;

/** @param text `X-Request-Id`. @returns The id, or `null` if it is missing or unsafe. */
export function findRequestId(text: unknown): string | null {
  return typeof text === "string" && SAFE_REQUEST_ID.test(text) ? text : null;
}
