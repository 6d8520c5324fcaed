import type { Principal, Scope } from "../principal.ts";

/** Finds out who is calling. A host application may bring its own. */
export interface Authenticator {
  /**
   * @param request Only its headers may be read.
   * @returns Who it is, or `null` if it carries no credential that counts (wrong, expired, revoked, none).
   * @throws Only when it cannot be found out now (`records_unavailable` …); that is a 503, not a 401.
   */
  authenticate(request: Request): Promise<Principal | null>;
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
 * @returns `null` for a request without a credential that counts: it is answered with 401.
 * @throws Anything, when it cannot be found out now: it is answered with 503, and logged.
 */
export type Authenticate = (
  request: Request,
) => Caller | null | undefined | Promise<Caller | null | undefined>;
