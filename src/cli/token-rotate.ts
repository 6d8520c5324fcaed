import { createApiKey, findApiKeyId, isAlive } from "../adapters/auth/api-key.ts";
import { hasher } from "../adapters/hasher.ts";
import { loadConfig } from "../config.ts";
import { type Command, type ExitCode, parseCommand, UsageError } from "./command.ts";
import { EXPIRY_FORMS, findGraceEnd, GRACE_FORMS } from "./expiry.ts";
import { columns, HELP_ROW } from "./help.ts";
import { parseExpiry, randomBytes, stateOf, withKeys, writeNewKey } from "./keys.ts";

const NAME = "token rotate";

/** Time for the new key to reach everybody who uses the old one. */
const DEFAULT_GRACE = "24h";

const OPTIONS = { grace: { type: "string" }, expires: { type: "string" } } as const;

/** `stowage token rotate`: the new key goes to stdout, alone, as with `token create`. */
export const rotateTokenCommand: Command = {
  name: "rotate",
  summary: "Replace a key by a new one",
  help: () => `Make a new API key with the owner, the scopes and the label of another, which ends after a grace.
Until then both work. The new key is shown once: only its hash is kept.

Usage: stowage token rotate ID [options]

ID is the one that stowage token list shows; the key itself will do as well.

Options:
${columns([
  ["--grace HOW-LONG", `How long the old key goes on: ${GRACE_FORMS} (${DEFAULT_GRACE})`],
  ["--expires WHEN", `${EXPIRY_FORMS} (never, unless the old key ends)`],
  ["--json", "Write the key and its record as JSON"],
  HELP_ROW,
])}

Example:
  stowage token rotate 9f86d081884c7d65 --grace 24h --expires 90d
`,

  async run(cli, args): Promise<ExitCode> {
    const { values, positionals } = parseCommand(NAME, args, OPTIONS, 1);
    const [given] = positionals;
    if (given === undefined) throw new UsageError(NAME, "Which key? Give its ID");
    const now = Date.now();
    const graceEnd = graceEndOf(values.grace ?? DEFAULT_GRACE, now);
    const expiry =
      values.expires === undefined ? undefined : parseExpiry(NAME, values.expires, now);
    const id = findApiKeyId(given) ?? given;
    const config = loadConfig(cli.env);
    return await withKeys(cli, config, async (keys) => {
      const old = (await keys.list()).find((key) => key.id === id);
      if (old === undefined || !isAlive(old, now)) {
        const state = old === undefined ? "there is none with the id" : `${stateOf(old, now)} is`;
        cli.err(`Cannot rotate key: ${state} ${id} (make one with stowage token create)\n`);
        return 1;
      }
      if (expiry === undefined && old.expiresAt !== null) {
        // Its end may be that of an earlier grace: whatever we made of it might be too short, or too long.
        const end = new Date(old.expiresAt).toISOString();
        throw new UsageError(NAME, `How long for? Key ${id} ends at ${end}: give --expires`);
      }
      const request = { ...old, expiresAt: expiry ?? null };
      const made = createApiKey(request, randomBytes, { now: () => now }, hasher);
      if (!(await keys.replace(id, made.record, graceEnd))) {
        cli.err(`Cannot rotate key: somebody has just ended ${id}\n`);
        return 1;
      }
      const endsAt = Math.min(old.expiresAt ?? graceEnd, graceEnd);
      const replaces = { id, expires_at: new Date(endsAt).toISOString() };
      writeNewKey(cli, made, values.json === true, { replaces });
      if (!values.json) cli.err(`Key ${id} works until ${replaces.expires_at}\n`);
      return 0;
    });
  },
};

function graceEndOf(text: string, now: number): number {
  const end = findGraceEnd(text, now);
  if (end !== undefined) return end;
  throw new UsageError(NAME, `--grace takes ${GRACE_FORMS}; read "${text}"`);
}
