import { type ApiKeyRequest, createApiKey } from "../adapters/auth/api-key.ts";
import { hasher } from "../adapters/hasher.ts";
import { loadConfig } from "../config.ts";
import { readScopes, SCOPES, type Scope } from "../domain/principal.ts";
import { type Command, type ExitCode, parseCommand, UsageError } from "./command.ts";
import { EXPIRY_FORMS } from "./expiry.ts";
import { columns, HELP_ROW } from "./help.ts";
import { parseExpiry, parseTenant, randomBytes, withKeys, writeNewKey } from "./keys.ts";

const NAME = "token create";

/** Enough for most uses; deleting must be asked for. */
const DEFAULT_SCOPES: readonly Scope[] = ["upload:read", "upload:write"];

/** Fits into a table. */
const LABEL = /^\P{C}{0,100}$/u;

const OPTIONS = {
  tenant: { type: "string" },
  operator: { type: "boolean" },
  scope: { type: "string", multiple: true },
  expires: { type: "string" },
  label: { type: "string" },
} as const;

/** `stowage token create`: the key alone goes to stdout, so that a script can read it. */
export const createTokenCommand: Command = {
  name: "create",
  summary: "Create a key for a tenant or an operator",
  help: () => `Create an API key. It is shown once: only its hash is stored.

Usage: stowage token create --tenant ID [options]
       stowage token create --operator [options]

Options:
${columns([
  ["--tenant ID", "The tenant whose uploads the key can access"],
  ["--operator", "Create a key without a tenant, for storage health and other operator routes"],
  ["--scope SCOPES", `What it may do (${DEFAULT_SCOPES.join(" ")}); any of: ${SCOPES.join(" ")}`],
  ["--expires WHEN", `${EXPIRY_FORMS} (never)`],
  ["--label TEXT", "A name for the key, at most 100 characters"],
  ["--json", "Write the key and its record as JSON"],
  HELP_ROW,
])}

Example:
  stowage token create --tenant acme --scope "upload:read upload:write" --expires 90d
`,

  async run(cli, args): Promise<ExitCode> {
    const { values } = parseCommand(NAME, args, OPTIONS);
    const now = Date.now();
    const request: ApiKeyRequest = {
      ...ownerOf(values.tenant, values.operator === true, values.scope?.join(" ")),
      label: labelOf(values.label ?? ""),
      expiresAt: parseExpiry(NAME, values.expires ?? "never", now),
    };
    const config = loadConfig(cli.env);
    if (config.database.path === ":memory:") {
      throw new UsageError(NAME, "Cannot store a key: DATABASE_URL names a database in memory");
    }
    const made = createApiKey(request, randomBytes, { now: () => now }, hasher);
    await withKeys(cli, config, (keys) => keys.insert(made.record));
    writeNewKey(cli, made, values.json === true);
    return 0;
  },
};

function ownerOf(
  tenant: string | undefined,
  operator: boolean,
  scope: string | undefined,
): Pick<ApiKeyRequest, "tenant" | "scopes"> {
  if ((tenant !== undefined) === operator) {
    throw new UsageError(NAME, "Give either --tenant ID or --operator");
  }
  if (tenant !== undefined) {
    return { tenant: parseTenant(NAME, tenant), scopes: scopesOf(scope) };
  }
  if (scope === undefined) return { tenant: null, scopes: [] };
  throw new UsageError(NAME, "An operator's key has no scopes: leave out --scope");
}

function scopesOf(text: string | undefined): readonly Scope[] {
  if (text === undefined) return DEFAULT_SCOPES;
  const words = text.split(/[\s,]+/).filter((word) => word !== "");
  const scopes = [...readScopes(words.join(" "))];
  const unknown = words.find((word) => !scopes.includes(word as Scope));
  if (unknown === undefined && scopes.length > 0) return scopes;
  const reason = unknown === undefined ? "--scope is empty" : `Unknown scope "${unknown}"`;
  throw new UsageError(NAME, `${reason}: use any of ${SCOPES.join(", ")}`);
}

function labelOf(text: string): string {
  if (LABEL.test(text)) return text;
  throw new UsageError(NAME, "--label takes at most 100 characters and no control characters");
}
