import { isAlive } from "../adapters/auth/api-key.ts";
import type { Config } from "../config.ts";
import type { ApiKey, ApiKeyRecords } from "../domain/ports/api-keys.ts";
import { findTenantId, type TenantId } from "../domain/tenant.ts";
import { type Cli, UsageError } from "./command.ts";
import { table } from "./table.ts";

/** Open the records of keys for one use. */
export async function withKeys<T>(
  cli: Cli,
  config: Config,
  use: (keys: ApiKeyRecords) => Promise<T>,
): Promise<T> {
  const opened = await (await cli.runtime()).openKeyRecords(config);
  try {
    return await use(opened.keys);
  } finally {
    await opened.close();
  }
}

/** @throws {UsageError} If `text` is no tenant id. */
export function parseTenant(command: string, text: string): TenantId {
  const tenant = findTenantId(text);
  if (tenant !== null) return tenant;
  const rule = "it takes 1 to 64 of A-Z a-z 0-9 . _ - and does not begin with a dot";
  throw new UsageError(command, `Cannot use tenant id ${JSON.stringify(text)}: ${rule}`);
}

/** A key as a machine reads it. Its hash stays where it is. */
export function keyToJson(key: ApiKey): Readonly<Record<string, unknown>> {
  return {
    id: key.id,
    tenant: key.tenant,
    scopes: key.scopes,
    label: key.label,
    created_at: time(key.createdAt),
    expires_at: time(key.expiresAt),
    revoked_at: time(key.revokedAt),
  };
}

/** Keys as a person reads them, one a line below a heading. */
export function keyTable(keys: readonly ApiKey[], now: number): string {
  const heading = ["ID", "TENANT", "STATUS", "CREATED", "EXPIRES", "SCOPES", "LABEL"];
  const rows = keys.map((key) => [
    key.id,
    key.tenant ?? "(operator)",
    statusOf(key, now),
    time(key.createdAt)?.slice(0, 10) ?? "",
    time(key.expiresAt)?.slice(0, 10) ?? "never",
    key.scopes.join(" ") || "-",
    key.label,
  ]);
  return table([heading, ...rows]);
}

function statusOf(key: ApiKey, now: number): string {
  if (isAlive(key, now)) return "active";
  return key.revokedAt === null ? "expired" : "revoked";
}

function time(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
