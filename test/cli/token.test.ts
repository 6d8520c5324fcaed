import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createApiKeyAuthenticator } from "../../src/adapters/auth/api-key.ts";
import { hasher } from "../../src/adapters/hash.ts";
import { loadConfig } from "../../src/config.ts";
import { openKeyRecords } from "../../src/runtime/node-parts.ts";
import { stowage } from "./terminal.ts";

let folder: string;
let env: Record<string, string>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stowage-cli-"));
  env = { DATABASE_URL: `sqlite:${folder}/records.db` };
});
afterEach(() => rm(folder, { recursive: true }));

const token = (...argv: string[]) =>
  stowage(["token", ...argv], { env, runtime: { openKeyRecords } });

async function whoIs(key: string) {
  const { keys, close } = await openKeyRecords(loadConfig(env));
  try {
    return await createApiKeyAuthenticator(keys, hasher, Date).authenticate(key);
  } finally {
    await close();
  }
}

/** Make a key. @returns What `--json` says of it. */
async function create(...argv: string[]) {
  const { code, out } = await token("create", "--json", ...argv);
  expect(code).toBe(0);
  return JSON.parse(out);
}

describe("stowage token create", () => {
  it("writes a key that works to stdout, alone, and the rest to stderr", async () => {
    const scope = "upload:read,upload:delete";
    const { code, out, err } = await token("create", "--tenant", "acme", "--scope", scope);
    expect(code).toBe(0);
    expect(out).toMatch(/^stw_\w{16}_[\w-]{43}\n$/);
    expect(err).toContain("for tenant acme, may upload:read upload:delete, expires: never");
    expect(err).not.toContain(out.trim().slice(20));
    expect(await whoIs(out.trim())).toMatchObject({
      kind: "tenant",
      tenant: "acme",
      scopes: new Set(["upload:read", "upload:delete"]),
    });
  });

  it("makes no two keys alike", async () => {
    const made = [await create("--tenant", "a"), await create("--tenant", "a")];
    expect(new Set(made.map((key) => key.key)).size).toBe(2);
    expect(new Set(made.map((key) => key.id)).size).toBe(2);
  });

  it("gives a tenant's key reading and writing unless told otherwise", async () => {
    const made = await create("--tenant", "acme", "--expires", "90d", "--label", "CI ✓");
    expect(made).toMatchObject({
      tenant: "acme",
      scopes: ["upload:read", "upload:write"],
      label: "CI ✓",
      revoked_at: null,
    });
    expect(Date.parse(made.expires_at) - Date.parse(made.created_at)).toBe(90 * 86_400_000);
    expect(made).not.toHaveProperty("hash");
  });

  it("makes an operator's key", async () => {
    const { key } = await create("--operator");
    expect(await whoIs(key)).toMatchObject({ kind: "operator" });
  });

  it.each<[string[], string]>([
    [[], "For whom?"],
    [["--tenant", "a", "--operator"], "For whom?"],
    [["--tenant", ".a"], 'Cannot use tenant id ".a"'],
    [["--tenant", "a/b"], 'Cannot use tenant id "a/b"'],
    [["--tenant", "a", "--scope", "upload:all"], 'Unknown scope "upload:all": there are upload:'],
    [["--tenant", "a", "--scope", " "], "--scope is empty"],
    [["--operator", "--scope", "upload:read"], "no scopes"],
    [["--tenant", "a", "--expires", "2020-01-01"], 'in the future; read "2020-01-01"'],
    [["--tenant", "a", "--label", "a\u001b[2J"], "--label takes"],
    [["--tenant", "a", "--label", "a".repeat(101)], "--label takes"],
    [["--tenant"], "Option '--tenant <value>' argument missing"],
  ])("refuses %j with 2 and makes nothing", async (argv, message) => {
    const { code, out, err } = await token("create", ...argv);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(message);
    expect(err).toContain("Try: stowage token create --help");
    expect(JSON.parse((await token("list", "--json")).out)).toEqual({ items: [] });
  });

  it("closes the records, also when they fail", async () => {
    let closed = 0;
    const { keys, close } = await openKeyRecords(loadConfig(env));
    await close();
    const runtime = { openKeyRecords: async () => ({ keys, close: async () => void closed++ }) };
    const { code } = await stowage(["token", "create", "--operator"], { env, runtime });
    expect({ code, closed }).toEqual({ code: 1, closed: 1 });
  });

  it("refuses to keep a key in memory", async () => {
    env = { DATABASE_URL: "sqlite::memory:" };
    expect((await token("create", "--tenant", "a")).code).toBe(2);
  });
});

describe("stowage token list", () => {
  it("lists keys newest first, of one tenant or all, without hash or key", async () => {
    const first = await create("--tenant", "acme", "--label", "first");
    const second = await create("--tenant", "beta");
    const third = await create("--operator");
    const list = async (...argv: string[]) =>
      JSON.parse((await token("list", "--json", ...argv)).out).items;
    const ids = (await list()).map((key: { id: string }) => key.id);
    expect(ids.toSorted()).toEqual([first.id, second.id, third.id].toSorted());
    const { key, ...record } = first;
    expect(await list("--tenant", "acme")).toEqual([record]);
    expect((await token("list", "--tenant", "a/b")).code).toBe(2);
  });

  it("shows a table with the state of each key", async () => {
    const active = await create("--tenant", "acme", "--label", "a b");
    const revoked = await create("--operator");
    await token("revoke", revoked.id);
    const { out } = await token("list");
    expect(out).toMatch(/^ID +TENANT +STATUS +CREATED +EXPIRES +SCOPES +LABEL\n/);
    expect(out).toMatch(
      new RegExp(`^${active.id} +acme +active +\\S+ +never +upload:read upload:write +a b$`, "m"),
    );
    expect(out).toMatch(new RegExp(`^${revoked.id} +\\(operator\\) +revoked `, "m"));
  });

  it("says where it looked when there is none", async () => {
    const { code, out, err } = await token("list");
    expect({ code, out }).toEqual({ code: 0, out: "" });
    expect(err).toBe(`No keys in sqlite:${folder}/records.db\n`);
  });
});

describe("stowage token revoke", () => {
  it("ends a key by its id, or by the key itself", async () => {
    for (const name of ["id", "key"]) {
      const made = await create("--tenant", "acme");
      const { code, err } = await token("revoke", made[name]);
      expect({ code, err }).toEqual({ code: 0, err: `Revoked key ${made.id}\n` });
      expect(await whoIs(made.key)).toBeNull();
    }
  });

  it("answers 1 for a key that is not there", async () => {
    const { code, out, err } = await token("revoke", "--json", "nope");
    expect({ code, out }).toEqual({ code: 1, out: '{"id":"nope","revoked":false}\n' });
    expect(err).toContain("Cannot revoke key");
  });

  it("keeps the first time when a key is revoked twice", async () => {
    const made = await create("--tenant", "acme");
    const time = async () => {
      expect((await token("revoke", made.id)).code).toBe(0);
      return JSON.parse((await token("list", "--json")).out).items[0].revoked_at;
    };
    expect(await time()).toBe(await time());
  });
});
