import { HttpError } from "../problem.ts";

/** A structured-field string (RFC 9651, 3.3.3), as the draft requires. */
const QUOTED = /^"((?:[ !#-[\]-~]|\\["\\])+)"$/;

/** Without quotes, as most clients send it. */
const BARE = /^[!-~]+$/;

const MAX_LENGTH = 255;

/**
 * The key that makes a request safe to retry.
 *
 * @returns The key without quotes, or `undefined` if there is no such header.
 * @throws {HttpError} `invalid_idempotency_key`. Ignoring a malformed key would risk a second upload.
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 */
export function readIdempotencyKey(headers: Headers): string | undefined {
  const text = headers.get("Idempotency-Key");
  if (text === null) return undefined;
  const quoted = QUOTED.exec(text)?.[1]?.replaceAll(/\\(["\\])/g, "$1");
  const key = quoted ?? (text.startsWith('"') || !BARE.test(text) ? "" : text);
  if (key !== "" && key.length <= MAX_LENGTH) return key;
  throw new HttpError(
    "invalid_idempotency_key",
    `Cannot use Idempotency-Key: expected 1 to ${MAX_LENGTH} printable ASCII characters, quoted if it contains spaces`,
  );
}
