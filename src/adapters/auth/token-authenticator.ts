import type { Principal } from "../../domain/principal.ts";

/** Verifies one token. */
export interface TokenAuthenticator {
  /**
   * @returns The caller, or `null` if the token is not valid.
   * @throws {StowageError} Retryable, if it cannot be verified now.
   */
  authenticate(token: string): Promise<Principal | null>;
}
