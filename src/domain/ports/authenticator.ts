import type { Principal, Scope } from "../principal.ts";

/** Identifies the caller. A host application may provide its own. */
export interface Authenticator {
  /**
   * @param request Only its headers may be read.
   * @param env The second argument of `fetch`, from the code that passed the request on.
   * @returns The caller, or `null` without a valid credential (wrong, expired, revoked, none).
   * @throws Only if the caller cannot be identified now (`records_unavailable` …). That is a 503, not a 401.
   */
  authenticate(request: Request, env?: unknown): Promise<Principal | null>;
}

/** The caller, from a host application: plain strings, which are validated, or a `Principal`. */
export type Caller =
  | Principal
  | {
      /** Whose uploads these are: 1 to 64 of `A-Za-z0-9._-`, not beginning with a dot. */
      readonly tenant: string;
      /** The name of the caller, stored as `created_by`. Default: `application`. */
      readonly subject?: string;
      /** Default: all scopes. */
      readonly scopes?: Iterable<Scope>;
    };

/**
 * Identifies the caller in a host application.
 *
 * @param request Only its headers may be read.
 * @param env The second argument of `fetch`. Use it if your application knows the caller already.
 * @returns `null` without a valid credential. The response is 401.
 * @throws Anything if the caller cannot be identified now. The response is 503, and the error is logged.
 */
export type Authenticate = (
  request: Request,
  // biome-ignore lint/suspicious/noExplicitAny: only the application knows the type
  env: any,
) => Caller | null | undefined | Promise<Caller | null | undefined>;
