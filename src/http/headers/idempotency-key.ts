import { HttpError } from "../problem.ts";

/** A string of structured fields (RFC 9651, 3.3.3), as the draft asks for. */
const QUOTED = /^"((?:[ !#-[\]-~]|\\["\\])+)"$/;

/** Without quotes, as most clients send it. */
const BARE = /^[!-~]+$/;

const MAX_LENGTH = 255;

/**
 * The key under which a request may be sent again.
 *
 * @returns The key without quotes, or `undefined` if there is no such header.
 * @throws {HttpError} `invalid_idempotency_key`: to upload twice is what it was sent against.
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
    `Cannot use Idempotency-Key: expected 1 to ${MAX_LENGTH} printable ASCII characters, quoted if there are spaces`,
  );
}
