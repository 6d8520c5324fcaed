import type { MiddlewareHandler } from "hono";
import type { Principal, Scope } from "../../domain/principal.ts";
import type { Access, EnvOf, HttpEnv } from "../endpoint.ts";
import { HttpError } from "../problem.ts";

const CHALLENGE = 'Bearer realm="stowage"';

/**
 * Lets through whoever `access` says, and nobody else. It stands before everything else of a route: before
 * validation, and before a byte of the body is read.
 *
 * @throws {HttpError} `unauthenticated`, `insufficient_scope`; whatever the authenticator throws when it
 *   cannot tell now.
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
      ? `Cannot do this: the credential lacks the scope ${scope}`
      : "Cannot do this: an operator's credential belongs to no tenant",
    {
      headers: { "WWW-Authenticate": `${CHALLENGE}, error="insufficient_scope", scope="${scope}"` },
    },
  );
}

function admitOperator(principal: Principal): void {
  if (principal.kind === "operator") return;
  throw new HttpError("insufficient_scope", "Cannot do this: it takes an operator's credential", {
    headers: { "WWW-Authenticate": `${CHALLENGE}, error="insufficient_scope"` },
  });
}

/** RFC 6750, 3: whoever showed nothing is told no reason. */
function unauthenticated(headers: Headers): HttpError {
  const shown = headers.has("Authorization");
  return new HttpError(
    "unauthenticated",
    shown
      ? "Cannot accept credential: it is wrong, expired or revoked"
      : "Cannot do this without a credential: send Authorization: Bearer …",
    {
      headers: { "WWW-Authenticate": shown ? `${CHALLENGE}, error="invalid_token"` : CHALLENGE },
    },
  );
}
