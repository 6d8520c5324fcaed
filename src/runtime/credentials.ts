import { isAlive } from "../adapters/auth/api-key.ts";
import { type Config, ConfigError } from "../config.ts";
import type { ApiKeyRecords } from "../domain/ports/api-keys.ts";
import type { Clock } from "../domain/ports/clock.ts";

/**
 * Check that the service has a credential: a server in production that accepts no caller must not start.
 *
 * @throws {ConfigError} If no tokens are configured and no API key is valid.
 */
export async function requireCredentials(
  config: Config,
  keys: Pick<ApiKeyRecords, "list">,
  clock: Clock,
): Promise<void> {
  if (config.auth.jwt !== null) return;
  if ((await keys.list()).some((key) => isAlive(key, clock.now()))) return;
  throw new ConfigError([
    {
      variable: "AUTH_JWT_SECRET",
      read: "nothing, and there is no API key",
      expected:
        'a secret of at least 32 bytes, or AUTH_JWKS_URL, or a key: stowage token create --tenant acme --scope "upload:read upload:write"',
    },
  ]);
}
