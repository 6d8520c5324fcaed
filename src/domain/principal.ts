import type { TenantId } from "./tenant.ts";

/** What a caller may do with the uploads of its tenant. */
export const SCOPES = ["upload:read", "upload:write", "upload:delete"] as const;
export type Scope = (typeof SCOPES)[number];

/** The caller, from its credential. */
export type Principal =
  | {
      readonly kind: "tenant";
      readonly tenant: TenantId;
      /** `key:<key id>` or `jwt:<sub>`. Stored as `created_by`. */
      readonly subject: string;
      readonly scopes: ReadonlySet<Scope>;
    }
  | { readonly kind: "operator"; readonly subject: string };

/** The scopes in `text`, separated by spaces (RFC 6749, 3.3). Unknown words are ignored. */
export function readScopes(text: string): ReadonlySet<Scope> {
  return new Set(text.split(/\s+/).filter((word): word is Scope => SCOPES.includes(word as Scope)));
}
