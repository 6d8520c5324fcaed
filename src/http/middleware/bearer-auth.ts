import type { MiddlewareHandler } from "hono";
import type { Principal, Scope } from "../../domain/principal.ts";
import type { Access, EnvOf, HttpEnv } from "../endpoint.ts";
import { HttpError } from "../problem.ts";

const CHALLENGE = 'Bearer realm="stowage"';

/**
 * Admits only callers that `access` allows. It runs first in a route: before validation, and before a byte of the
 * body is read.
 *
 * @throws {HttpError} `unauthenticated`, `insufficient_scope`.
 * @throws {StowageError} `auth_unavailable` and other errors of the authenticator.
 */
export function bearerAuth(access: Access): MiddlewareHandler<HttpEnv & EnvOf<Scope>> {
  return async (c, next) => {
    if (access !== "public") {
      const principal = await c.var.services.authenticator.authenticate(c.req.raw, c.env);
      if (principal === null) throw unauthenticated(c.req.raw.headers);
      c.set("principal", principal);
      if (access === "operator") admitOperator(principal);
      else c.set("caller", admitTenant(principal, access));
    }
    await next();
  };
}

function admitTenant(principal: Principal, scope: Scope): Principal & { kind: "tenant" } {
  if (principal.kind === "tenant" && principal.scopes.has(scope)) return principal;
  throw new HttpError(
    "insufficient_scope",
    principal.kind === "tenant"
      ? `Cannot do this: the credential does not have the scope ${scope}`
      : "Cannot do this: the credential is an operator's and does not belong to a tenant",
    {
      headers: { "WWW-Authenticate": `${CHALLENGE}, error="insufficient_scope", scope="${scope}"` },
    },
  );
}

function admitOperator(principal: Principal): void {
  if (principal.kind === "operator") return;
  throw new HttpError(
    "insufficient_scope",
    "Cannot do this: it requires an operator's credential",
    {
      headers: { "WWW-Authenticate": `${CHALLENGE}, error="insufficient_scope"` },
    },
  );
}

/** Without a credential, the challenge must not contain an error (RFC 6750, 3). */
function unauthenticated(headers: Headers): HttpError {
  const isPresent = headers.has("Authorization");
  return new HttpError(
    "unauthenticated",
    isPresent
      ? "Cannot accept credential: it is invalid, expired or revoked"
      : "Cannot do this without a credential: send Authorization: Bearer …",
    {
      headers: {
        "WWW-Authenticate": isPresent ? `${CHALLENGE}, error="invalid_token"` : CHALLENGE,
      },
    },
  );
}
