import type { Principal } from "../../domain/principal.ts";

/** Judges one token, whatever header it came in. */
export interface TokenAuthenticator {
  /**
   * @returns Who it is, or `null` if the token does not count.
   * @throws {StowageError} Retryable, where it cannot be found out now.
   */
  authenticate(token: string): Promise<Principal | null>;
}
