import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { findApiKeyId, isAlive } from "../../adapters/auth/api-key.ts";
import type { ApiKey } from "../../domain/ports/api-keys.ts";
import type { Check, DoctorContext, Finding } from "./check.ts";
import { octal, quoted } from "./file-rights.ts";
import { keySetFindings } from "./key-set.ts";

const DAY_MS = 24 * 60 * 60_000;

/** Time enough to create another key and hand it on. */
const SOON_MS = 14 * DAY_MS;

/** People who have left since may still have it. */
const OLD_MS = 365 * DAY_MS;

/** Which keys and tokens are accepted. Weak secrets never get here: the settings refuse them. */
export const keysCheck: Check = {
  title: "Keys",
  async *run(context) {
    const { config, database, parts } = context;
    const keys = database.facts?.keys ?? [];
    const alive = keys.filter((key) => isAlive(key, parts.clock.now()));
    const { jwt } = config.auth;
    if (jwt?.kind === "secret") yield { status: "ok", text: "tokens signed with AUTH_JWT_SECRET" };
    if (jwt?.kind === "jwks") yield* keySetFindings(jwt.url, context);
    yield summary(context, keys.length, alive.length);
    yield* lifetimes(alive, parts.clock.now());
    yield* firstKeyFindings(context, alive);
  },
};

function summary({ config }: DoctorContext, all: number, alive: number): Finding {
  const counts = `${alive} API ${alive === 1 ? "key" : "keys"} in use, ${all - alive} expired or revoked`;
  if (alive > 0 || config.auth.jwt !== null) return { status: "ok", text: counts };
  if (!config.production && all === 0) {
    return { status: "ok", text: "no API key yet: the first start creates one and prints it" };
  }
  return {
    status: config.production ? "fail" : "warn",
    text: `no caller can authenticate: ${counts}, and neither AUTH_JWT_SECRET nor AUTH_JWKS_URL is set${config.production ? "; in production the server does not start" : ""}`,
    advice:
      'create a key: stowage token create --tenant acme --scope "upload:read upload:write" --expires 90d',
  };
}

function* lifetimes(alive: readonly ApiKey[], now: number): Iterable<Finding> {
  for (const key of alive) {
    const { id, tenant, label, createdAt, expiresAt } = key;
    const name = `${tenant === null ? "the operator's key" : `key of ${tenant},`} ${id} (${JSON.stringify(label)})`;
    if (expiresAt !== null && expiresAt - now < SOON_MS) {
      const days = Math.ceil((expiresAt - now) / DAY_MS);
      yield {
        status: "warn",
        text: `${name} expires ${days <= 1 ? "within a day" : `in ${days} days`}: its calls will then get 401`,
        advice: `replace it in time: ${rotate(id)}`,
      };
    } else if (expiresAt === null && tenant === null) {
      yield {
        status: "warn",
        text: `${name} never expires and may do everything: anyone who gets hold of it can use it forever`,
        advice: `replace it: ${rotate(id)}`,
      };
    } else if (expiresAt === null && now - createdAt > OLD_MS) {
      yield {
        status: "warn",
        text: `${name} is ${Math.floor((now - createdAt) / DAY_MS)} days old and never expires`,
        advice: `replace it: ${rotate(id)}`,
      };
    }
  }
}

/** The new key has the same rights; the old one works for another day. */
function rotate(id: string): string {
  return `stowage token rotate ${id} --expires 90d`;
}

/** The key of the first start is stored in plain text, in a file that only its owner can read. */
async function* firstKeyFindings(
  { config }: DoctorContext,
  alive: readonly ApiKey[],
): AsyncIterable<Finding> {
  const { path } = config.database;
  if (path === ":memory:") return;
  const file = join(dirname(path), "first-api-key");
  const stats = await stat(file).catch(() => null);
  if (stats === null) return;
  const id = findApiKeyId((await readFile(file, "utf8").catch(() => "")).trim());
  const counts = alive.some((key) => key.id === id);
  if ((stats.mode & 0o077) !== 0 && process.geteuid !== undefined && counts) {
    yield {
      status: "fail",
      text: `${file} holds an active key, and other users of this machine may read it (mode ${octal(stats.mode)})`,
      advice: `chmod 600 ${quoted(file)}; if it may have been read: stowage token revoke ${id}`,
    };
  }
  if (!config.production || !counts) return;
  yield {
    status: "warn",
    text: "the key of the first start is still active in production: it can do everything for the tenant default, never expires, and is stored in a file",
    advice: `create keys for your callers, then: stowage token revoke ${id}; rm ${quoted(file)}`,
  };
}
