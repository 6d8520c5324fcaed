import type { Principal, Scope } from "../principal.ts";

/** Finds out who is calling. A host application may bring its own. */
export interface Authenticator {
  /**
   * @param request Only its headers may be read.
   * @param env The second argument of `fetch`: what whoever handed the request on knows of it.
   * @returns Who it is, or `null` if it carries no credential that counts (wrong, expired, revoked, none).
   * @throws Only when it cannot be found out now (`records_unavailable` …); that is a 503, not a 401.
   */
  authenticate(request: Request, env?: unknown): Promise<Principal | null>;
}

/** Who is calling, as a host application says it: in plain strings, which are checked, or as a `Principal`. */
export type Caller =
  | Principal
  | {
      /** Whose uploads these are: 1 to 64 of `A-Za-z0-9._-`, not beginning with a dot. */
      readonly tenant: string;
      /** Who it is: kept as `created_by`. Default: `application`. */
      readonly subject?: string;
      /** What it may do. Default: everything with its tenant's uploads. */
      readonly scopes?: Iterable<Scope>;
    };

/**
 * A host application's own way to find out who is calling.
 *
 * @param request Only its headers may be read.
 * @param env The second argument of `fetch`: an application that knows the caller already hands it over there.
 * @returns `null` for a request without a credential that counts: it is answered with 401.
 * @throws Anything, when it cannot be found out now: it is answered with 503, and logged.
 */
export type Authenticate = (
  request: Request,
  // biome-ignore lint/suspicious/noExplicitAny: the application's own, and only it knows its type
  env: any,
) => Caller | null | undefined | Promise<Caller | null | undefined>;
