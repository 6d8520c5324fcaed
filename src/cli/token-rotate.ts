import { createApiKey, findApiKeyId, isAlive } from "../adapters/auth/api-key.ts";
import { hasher } from "../adapters/hasher.ts";
import { loadConfig } from "../config.ts";
import { type Command, type ExitCode, parseCommand, UsageError } from "./command.ts";
import { EXPIRY_FORMS, findGraceEnd, GRACE_FORMS } from "./expiry.ts";
import { columns, HELP_ROW } from "./help.ts";
import { parseExpiry, randomBytes, stateOf, withKeys, writeNewKey } from "./keys.ts";

const NAME = "token rotate";

/** Time to hand out the new key. */
const DEFAULT_GRACE = "24h";

const OPTIONS = { grace: { type: "string" }, expires: { type: "string" } } as const;

/** `stowage token rotate`: the new key alone goes to stdout, as with `token create`. */
export const rotateTokenCommand: Command = {
  name: "rotate",
  summary: "Replace a key with a new one",
  help: () => `Create an API key with the owner, scopes and label of an existing one. The old key expires after a grace
period; until then both work. The new key is shown once: only its hash is stored.

Usage: stowage token rotate ID [options]

ID is the id that stowage token list shows; the key itself works too.

Options:
${columns([
  ["--grace HOW-LONG", `How long the old key still works: ${GRACE_FORMS} (${DEFAULT_GRACE})`],
  ["--expires WHEN", `${EXPIRY_FORMS} (never, unless the old key expires)`],
  ["--json", "Write the key and its record as JSON"],
  HELP_ROW,
])}

Example:
  stowage token rotate 9f86d081884c7d65 --grace 24h --expires 90d
`,

  async run(cli, args): Promise<ExitCode> {
    const { values, positionals } = parseCommand(NAME, args, OPTIONS, 1);
    const [given] = positionals;
    if (given === undefined) throw new UsageError(NAME, "Missing the ID of the key");
    const now = Date.now();
    const graceEnd = graceEndOf(values.grace ?? DEFAULT_GRACE, now);
    const expiry =
      values.expires === undefined ? undefined : parseExpiry(NAME, values.expires, now);
    const id = findApiKeyId(given) ?? given;
    const config = loadConfig(cli.env);
    return await withKeys(cli, config, async (keys) => {
      const old = (await keys.list()).find((key) => key.id === id);
      if (old === undefined || !isAlive(old, now)) {
        const state =
          old === undefined ? `no key has the id ${id}` : `${id} is ${stateOf(old, now)}`;
        cli.err(`Cannot rotate key: ${state} (create one with stowage token create)\n`);
        return 1;
      }
      if (expiry === undefined && old.expiresAt !== null) {
        // It may expire because of an earlier rotation: any default could be too short or too long.
        const end = new Date(old.expiresAt).toISOString();
        throw new UsageError(NAME, `Give --expires: key ${id} itself expires at ${end}`);
      }
      const request = { ...old, expiresAt: expiry ?? null };
      const made = createApiKey(request, randomBytes, { now: () => now }, hasher);
      if (!(await keys.replace(id, made.record, graceEnd))) {
        cli.err(`Cannot rotate key: ${id} has just been revoked or rotated\n`);
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
