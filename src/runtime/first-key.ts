import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createApiKey } from "../adapters/auth/api-key.ts";
import { hasher } from "../adapters/hash.ts";
import type { Config } from "../config.ts";
import type { ApiKeyRecords } from "../domain/ports/api-keys.ts";
import type { Clock, RandomSource } from "../domain/ports/clock.ts";
import { SCOPES } from "../domain/principal.ts";
import { parseTenantId } from "../domain/tenant.ts";
import { requireCredentials } from "./credentials.ts";

/** A key that was just made, and where it is kept for its owner. */
export interface FirstKey {
  readonly key: string;
  /** `null` where the records live in memory: then the key dies with them. */
  readonly file: string | null;
}

/**
 * See to it that somebody can call. Where nothing is configured yet, a server that is not in production
 * makes one key for the tenant `default` and keeps it in a file that only its owner can read.
 *
 * @returns The key if one was made just now, else `null`.
 * @throws {ConfigError} In production: a server that nobody can call, or everybody, must not start.
 */
export async function ensureFirstKey(
  config: Config,
  keys: ApiKeyRecords,
  parts: { readonly clock: Clock; readonly random: RandomSource },
): Promise<FirstKey | null> {
  if (config.production) {
    await requireCredentials(config, keys, parts.clock);
    return null;
  }
  if (config.auth.jwt !== null) return null;
  // Once: whoever revoked the first key did not ask for another.
  if ((await keys.list()).length > 0) return null;
  const { key, record } = createApiKey(
    { tenant: parseTenantId("default"), scopes: SCOPES, label: "first start", expiresAt: null },
    parts.random,
    parts.clock,
    hasher,
  );
  const file = firstKeyFile(config);
  if (file !== null) {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `${key}\n`, { mode: 0o600 });
    // The mode counts for new files only.
    await chmod(file, 0o600);
  }
  await keys.insert(record);
  return { key, file };
}

/** Beside the database: the two belong together. */
function firstKeyFile(config: Config): string | null {
  const { path } = config.database;
  return path === ":memory:" ? null : join(dirname(path), "first-api-key");
}
