import type { Principal } from "../principal.ts";

/** Finds out who is calling. A host application may bring its own. */
export interface Authenticator {
  /**
   * @param request Only its headers may be read.
   * @returns Who it is, or `null` if it carries no credential that counts (wrong, expired, revoked, none).
   * @throws Only when it cannot be found out now (`records_unavailable` …); that is a 503, not a 401.
   */
  authenticate(request: Request): Promise<Principal | null>;
}
