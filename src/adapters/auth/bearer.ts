import type { Authenticator } from "../../domain/ports/authenticator.ts";
import { API_KEY_PREFIX } from "./api-key.ts";
import type { TokenAuthenticator } from "./token-authenticator.ts";

/**
 * One `Bearer` token (RFC 6750, 2.1). Two headers arrive joined by a comma, which no token contains, so they are refused.
 */
const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

/** Longer than any real token, short enough to cost nothing. */
const MAX_HEADER_LENGTH = 8192;

/**
 * Identifies the caller by the `Authorization` header only, never by the query, a cookie or the body.
 *
 * @param verifiers The verifier of each kind of token. Tokens without a verifier are refused.
 */
export function createBearerAuthenticator(verifiers: {
  readonly jwt?: TokenAuthenticator | undefined;
  readonly apiKeys?: TokenAuthenticator | undefined;
}): Authenticator {
  return {
    async authenticate(request) {
      const header = request.headers.get("authorization") ?? "";
      const token = header.length > MAX_HEADER_LENGTH ? undefined : BEARER.exec(header)?.[1];
      if (token === undefined) return null;
      const verifier = token.startsWith(API_KEY_PREFIX) ? verifiers.apiKeys : verifiers.jwt;
      return (await verifier?.authenticate(token)) ?? null;
    },
  };
}
