/**
 * A caller's own request id, if it can do no harm in a header or a log: a credential that got into the wrong
 * header, an API key or a JSON Web Token, would stand in both.
 */
const SAFE_REQUEST_ID = /^(?!stw_|eyJ)[A-Za-z0-9._-]{1,128}$/;

/** @param text `X-Request-Id`, as it came. @returns It, or `null` where another has to be made up. */
export function findRequestId(text: unknown): string | null {
  return typeof text === "string" && SAFE_REQUEST_ID.test(text) ? text : null;
}
