import { isStowageError, StowageError } from "../../domain/errors.ts";
import type { Authenticate, Authenticator } from "../../domain/ports/authenticator.ts";
import { type Principal, SCOPES, type Scope } from "../../domain/principal.ts";
import { findTenantId } from "../../domain/tenant.ts";

/** The default for `created_by`. */
const DEFAULT_SUBJECT = "application";

/** Longer than the ids of any directory, short enough for a column of a list. */
const SUBJECT = /^[^\p{Cc}\p{Cs}]{1,256}$/u;

/**
 * Identifies the caller with a function of the host application, and validates its result: a tenant becomes the name of
 * a folder.
 *
 * If `authenticate` throws, the caller cannot be identified now: 503, never 401. An invalid result is a bug of the
 * application: 500, and the log has the reason.
 */
export function createApplicationAuthenticator(authenticate: Authenticate): Authenticator {
  return {
    async authenticate(request, env) {
      return toPrincipal(await ask(authenticate, request, env));
    },
  };
}

async function ask(authenticate: Authenticate, request: Request, env: unknown): Promise<unknown> {
  try {
    return await authenticate(request, env);
  } catch (cause) {
    if (isStowageError(cause, "records_unavailable")) throw cause;
    throw new StowageError(
      "auth_unavailable",
      "Cannot identify the caller: authenticate of the application failed",
      { cause, retryable: true },
    );
  }
}

function toPrincipal(caller: unknown): Principal | null {
  if (caller === null || caller === undefined) return null;
  if (typeof caller !== "object") throw unusable("Expected an object, or null");
  const given = caller as Record<string, unknown>;
  const subject = given["subject"] ?? DEFAULT_SUBJECT;
  if (typeof subject !== "string" || !SUBJECT.test(subject)) {
    throw unusable("Expected as subject 1 to 256 characters, none of them a control character");
  }
  if (given["kind"] === "operator") {
    // Both is a mistake, and operator rights must not be granted by mistake.
    if (given["tenant"] === undefined) return { kind: "operator", subject };
    throw unusable("Expected an operator without a tenant");
  }
  if (given["kind"] !== undefined && given["kind"] !== "tenant") {
    throw unusable("Expected as kind tenant, operator or nothing");
  }
  const tenant = findTenantId(given["tenant"]);
  if (tenant === null) {
    throw unusable(
      "Expected as tenant 1 to 64 of A-Z a-z 0-9 . _ - that do not begin with a dot (a hash of your own id is one)",
    );
  }
  return { kind: "tenant", tenant, subject, scopes: toScopes(given["scopes"] ?? SCOPES) };
}

function toScopes(given: unknown): ReadonlySet<Scope> {
  const words = typeof given === "string" ? given.split(" ").filter((word) => word !== "") : given;
  const list = isIterable(words) ? [...words] : [null];
  if (!list.every(isScope)) throw unusable(`Expected as scopes some of ${SCOPES.join(", ")}`);
  return new Set(list);
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}

function isScope(word: unknown): word is Scope {
  return SCOPES.includes(word as Scope);
}

function unusable(state: string): StowageError {
  return new StowageError("internal", `Cannot use what authenticate has returned: ${state}`);
}
