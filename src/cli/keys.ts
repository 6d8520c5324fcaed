import { isAlive } from "../adapters/auth/api-key.ts";
import type { Config } from "../config.ts";
import type { ApiKey, ApiKeyRecords } from "../domain/ports/api-keys.ts";
import { findTenantId, type TenantId } from "../domain/tenant.ts";
import { type Cli, UsageError } from "./command.ts";
import { EXPIRY_FORMS, findExpiry } from "./expiry.ts";
import { formatDuration, table } from "./format.ts";

/** Open the records of keys, use them, and close them. */
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

/** @throws {UsageError} If `text` is not a tenant id. */
export function parseTenant(command: string, text: string): TenantId {
  const tenant = findTenantId(text);
  if (tenant !== null) return tenant;
  const rule = "use 1 to 64 of A-Z a-z 0-9 . _ -, not beginning with a dot";
  throw new UsageError(command, `Cannot use tenant id ${JSON.stringify(text)}: ${rule}`);
}

/**
 * The expiry that `--expires` asks for.
 *
 * @returns Milliseconds since 1970, or `null` for never.
 * @throws {UsageError} If it is invalid, or not in the future.
 */
export function parseExpiry(command: string, text: string, now: number): number | null {
  const expiry = findExpiry(text, now);
  if (expiry !== undefined) return expiry;
  throw new UsageError(command, `--expires takes ${EXPIRY_FORMS}, in the future; read "${text}"`);
}

/** For {@link createApiKey}. */
export function randomBytes(bytes: Uint8Array): Uint8Array {
  return crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);
}

/**
 * Show a new key: with `json` including its record and `more`; otherwise the key alone on stdout, so that a
 * script can read it, and its description on stderr.
 */
export function writeNewKey(
  cli: Cli,
  { key, record }: { readonly key: string; readonly record: ApiKey },
  json: boolean,
  more: Readonly<Record<string, unknown>> = {},
): void {
  if (json) {
    const whole = { key, ...keyToJson(record, record.createdAt), ...more };
    cli.out(`${JSON.stringify(whole, null, 2)}\n`);
    return;
  }
  cli.out(`${key}\n`);
  const owner = record.tenant === null ? "an operator" : `tenant ${record.tenant}`;
  const rights = record.scopes.length > 0 ? `, may ${record.scopes.join(" ")}` : "";
  cli.err(
    `Key ${record.id} for ${owner}${rights}, expires: ${time(record.expiresAt) ?? "never"}\n`,
  );
  cli.err("Save it now: it is not shown again\n");
}

/** A key as JSON, without its hash. */
export function keyToJson(key: ApiKey, now: number): Readonly<Record<string, unknown>> {
  return {
    id: key.id,
    tenant: key.tenant,
    state: stateOf(key, now),
    scopes: key.scopes,
    label: key.label,
    created_at: time(key.createdAt),
    expires_at: time(key.expiresAt),
    revoked_at: time(key.revokedAt),
  };
}

/** Keys as a table. */
export function keyTable(keys: readonly ApiKey[], now: number): string {
  const heading = ["ID", "TENANT", "STATUS", "CREATED", "EXPIRES", "SCOPES", "LABEL"];
  const rows = keys.map((key) => [
    key.id,
    key.tenant ?? "(operator)",
    describeState(key, now),
    time(key.createdAt)?.slice(0, 10) ?? "",
    time(key.expiresAt)?.slice(0, 10) ?? "never",
    key.scopes.join(" ") || "-",
    key.label,
  ]);
  return table([heading, ...rows]);
}

/** Whether a key is active, and if not, why. */
export function stateOf(key: ApiKey, now: number): "active" | "expired" | "revoked" {
  if (isAlive(key, now)) return "active";
  return key.revokedAt === null ? "expired" : "revoked";
}

/** From then on an expiry is pointed out. */
const SOON_MS = 14 * 86_400_000;

function describeState(key: ApiKey, now: number): string {
  const state = stateOf(key, now);
  const leftMs = (key.expiresAt ?? Infinity) - now;
  if (state !== "active" || leftMs > SOON_MS) return state;
  return `expires in ${formatDuration(leftMs)}`;
}

function time(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
