import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createApiKey, findApiKeyId, isAlive } from "../adapters/auth/api-key.ts";
import { hasher } from "../adapters/hasher.ts";
import type { Config } from "../config.ts";
import type { ApiKeyRecords } from "../domain/ports/api-keys.ts";
import type { Clock, RandomSource } from "../domain/ports/clock.ts";
import { SCOPES } from "../domain/principal.ts";
import { parseTenantId } from "../domain/tenant.ts";

/** The key created at the first start, and the file that holds it. */
export interface FirstKey {
  /** Whether this start created it. */
  readonly isNew: boolean;
  readonly key: string;
  /** `null` if the records are in memory: the key is lost with them. */
  readonly file: string | null;
}

/**
 * Give a server outside production a credential: without tokens and keys, create one key for the tenant `default`
 * and store it in a file that only its owner can read.
 *
 * @returns The key if it was created now, or by an earlier start and is still valid; otherwise `null`.
 */
export async function ensureFirstKey(
  config: Config,
  keys: ApiKeyRecords,
  parts: { readonly clock: Clock; readonly random: RandomSource },
): Promise<FirstKey | null> {
  if (config.auth.jwt !== null) return null;
  const file = firstKeyFile(config);
  const known = await keys.list();
  // Created only once: revoking the first key must not create another.
  if (known.length > 0) {
    const kept = file === null ? "" : (await readFile(file, "utf8").catch(() => "")).trim();
    const record = known.find(({ id }) => id === findApiKeyId(kept));
    if (record === undefined || !isAlive(record, parts.clock.now())) return null;
    return { isNew: false, key: kept, file };
  }
  const { key, record } = createApiKey(
    { tenant: parseTenantId("default"), scopes: SCOPES, label: "first start", expiresAt: null },
    parts.random,
    parts.clock,
    hasher,
  );
  if (file !== null) {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `${key}\n`, { mode: 0o600 });
    // `mode` applies to new files only.
    await chmod(file, 0o600);
  }
  await keys.insert(record);
  return { isNew: true, key, file };
}

/** Beside the database, because the key is only valid with it. */
function firstKeyFile(config: Config): string | null {
  const { path } = config.database;
  return path === ":memory:" ? null : join(dirname(path), "first-api-key");
}
