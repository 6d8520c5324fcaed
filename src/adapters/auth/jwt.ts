import {
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
} from "jose";
import { isStowageError, StowageError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import { type Principal, readScopes } from "../../domain/principal.ts";
import { findTenantId } from "../../domain/tenant.ts";
import { createKeySet } from "./key-set.ts";
import type { TokenAuthenticator } from "./token-authenticator.ts";

/** Which tokens are accepted, and what their claims mean. */
export type JwtOptions = (
  | { readonly kind: "secret"; readonly secret: string }
  | { readonly kind: "jwks"; readonly url: string }
) & {
  readonly issuer: string | null;
  readonly audience: string | null;
  /** The claim that names the tenant. */
  readonly tenantClaim: string;
  /** The claim that makes an operator where it is `true`; `null`: no token does. */
  readonly operatorClaim: string | null;
};

/** The environment of the verifier. */
export interface JwtContext {
  readonly clock: Clock;
  readonly fetch: typeof globalThis.fetch;
  /** Whether requests may share neither timers nor promises (Workers). */
  readonly isolatedRequests?: boolean;
}

/**
 * One family for each mode, so that a public key is never taken for a shared secret (RFC 8725, 3.1).
 * `none` is in neither.
 */
const HS256 = ["HS256"];
export const PUBLIC_KEY_ALGORITHMS: readonly string[] = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
];

/** Clocks in one data centre differ by less. */
const CLOCK_TOLERANCE_SECONDS = 5;

/** OpenID Connect Core, 2: `sub` has at most 255 characters. */
const SUBJECT = /^\P{Cc}{1,255}$/u;

/**
 * Verify JSON Web Tokens (RFC 7519).
 *
 * A token must expire (`exp`), may have a start (`nbf`), and must name issuer and audience if they are configured. Its
 * header only selects one of the configured keys: `jku`, `x5u` and `jwk` are ignored. `scope` is text (RFC 8693, 4.2) or a list of words.
 *
 * @throws {StowageError} `auth_unavailable`, retryable, if the key set cannot be fetched. Keys that were fetched
 *   before keep working.
 */
export function createJwtAuthenticator(
  options: JwtOptions,
  context: JwtContext,
): TokenAuthenticator {
  const key = keyOf(options, context);
  const rules = {
    algorithms: options.kind === "secret" ? HS256 : [...PUBLIC_KEY_ALGORITHMS],
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    requiredClaims: ["exp"],
    ...(options.issuer !== null && { issuer: options.issuer }),
    ...(options.audience !== null && { audience: options.audience }),
  };
  return {
    async authenticate(token) {
      const currentDate = new Date(context.clock.now());
      try {
        const payload = await verify(token, key, { ...rules, currentDate });
        return principalOf(payload, options);
      } catch (error) {
        if (error instanceof errors.JOSEError) return null;
        if (isStowageError(error)) throw error;
        const reason = "Cannot verify token: its key cannot be used";
        throw new StowageError("auth_unavailable", reason, { cause: error });
      }
    },
  };
}

async function verify(
  token: string,
  key: JWTVerifyGetKey,
  rules: JWTVerifyOptions,
): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, key, rules)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    // No `kid`, and several keys that fit: one of them must have signed it.
    for await (const candidate of error) {
      try {
        return (await jwtVerify(token, candidate, rules)).payload;
      } catch (refusal) {
        if (!(refusal instanceof errors.JWSSignatureVerificationFailed)) throw refusal;
      }
    }
    throw error;
  }
}

function keyOf(options: JwtOptions, context: JwtContext): JWTVerifyGetKey {
  if (options.kind === "secret") {
    const secret = new TextEncoder().encode(options.secret);
    return () => secret;
  }
  const { clock, fetch, isolatedRequests = false } = context;
  return createKeySet(options.url, clock, fetch, { isolatedRequests });
}

function principalOf(payload: JWTPayload, options: JwtOptions): Principal | null {
  const name = payload.sub ?? "-";
  if (typeof name !== "string" || !SUBJECT.test(name)) return null;
  const subject = `jwt:${name}`;
  if (options.operatorClaim !== null && payload[options.operatorClaim] === true) {
    return { kind: "operator", subject };
  }
  const tenant = findTenantId(payload[options.tenantClaim]);
  if (tenant === null) return null;
  const scope = payload["scope"];
  const words = Array.isArray(scope) ? scope.filter((word) => typeof word === "string") : [scope];
  const scopes = readScopes(words.filter((word) => typeof word === "string").join(" "));
  return { kind: "tenant", tenant, subject, scopes };
}
