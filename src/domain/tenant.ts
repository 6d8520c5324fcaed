import { StowageError } from "./errors.ts";

/** The owner of an upload. Comes only from the credential, never from a URL or a body. */
export type TenantId = string & { readonly __brand: "TenantId" };

/**
 * 1–64 of `A-Za-z0-9._-`. A tenant is the name of a folder, and names that begin with a dot are reserved for the
 * service's own folder (`.stowage/`). Case-sensitive.
 */
const TENANT_ID = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/;

/** @returns The tenant id, or `null` if `text` is not a valid one. */
export function findTenantId(text: unknown): TenantId | null {
  return typeof text === "string" && TENANT_ID.test(text) ? (text as TenantId) : null;
}

/** @throws {StowageError} `invalid_parameter` if `text` is not a tenant id. */
export function parseTenantId(text: unknown): TenantId {
  const tenant = findTenantId(text);
  if (tenant !== null) return tenant;
  throw new StowageError(
    "invalid_parameter",
    "Cannot use tenant id: expected 1 to 64 of A-Z a-z 0-9 . _ -, not beginning with a dot",
  );
}
