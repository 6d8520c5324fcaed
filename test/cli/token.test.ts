import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createApiKeyAuthenticator } from "../../src/adapters/auth/api-key.ts";
import { hasher } from "../../src/adapters/hasher.ts";
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

  it("gives a tenant's key reading and writing unless set otherwise", async () => {
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
    [[], "Give either --tenant ID or --operator"],
    [["--tenant", "a", "--operator"], "Give either --tenant ID or --operator"],
    [["--tenant", ".a"], 'Cannot use tenant id ".a"'],
    [["--tenant", "a/b"], 'Cannot use tenant id "a/b"'],
    [["--tenant", "a", "--scope", "upload:all"], 'Unknown scope "upload:all": use any of upload:'],
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

describe("stowage token rotate", () => {
  it("makes a key of the same owner, scopes and label, and lets the old one go on for the grace", async () => {
    const old = await create("--tenant", "acme", "--scope", "upload:read", "--label", "CI");
    for (const [given, ...more] of [[old.id], [old.key, "--expires", "never"]]) {
      const { code, out } = await token("rotate", given, "--grace", "2h", "--json", ...more);
      expect(code).toBe(0);
      const made = JSON.parse(out);
      expect(made).toMatchObject({ tenant: "acme", scopes: ["upload:read"], label: "CI" });
      expect(made).toMatchObject({ state: "active", expires_at: null, replaces: { id: old.id } });
      expect(made).not.toHaveProperty("hash");
      for (const { key } of [old, made]) {
        expect(await whoIs(key)).toMatchObject({
          tenant: "acme",
          scopes: new Set(["upload:read"]),
        });
      }
    }
    expect((await token("list")).out).toMatch(
      new RegExp(`^${old.id} +acme +expires in 120 min `, "m"),
    );
    await token("revoke", old.id);
    expect(await whoIs(old.key)).toBeNull();
  });

  it("writes the key to stdout, alone, and when the old one ends to stderr", async () => {
    const old = await create("--operator");
    const { out, err } = await token("rotate", old.id);
    expect(out).toMatch(/^stw_\w{16}_[\w-]{43}\n$/);
    expect(await whoIs(out.trim())).toMatchObject({ kind: "operator" });
    expect(err).toMatch(/^Key \w+ for an operator, expires: never$/m);
    const [, until = ""] = new RegExp(`^Key ${old.id} works until (\\S+)$`, "m").exec(err) ?? [];
    expect(Math.round((Date.parse(until) - Date.now()) / 3_600_000)).toBe(24);
  });

  it("ends the old key at once without a grace, and lets it live no longer than it would have", async () => {
    const [first, second] = [
      await create("--operator"),
      await create("--operator", "--expires", "1h"),
    ];
    await token("rotate", first.id, "--grace", "none");
    expect(await whoIs(first.key)).toBeNull();
    const argv = ["--grace", "7d", "--expires", "90d", "--json"];
    const { out } = await token("rotate", second.id, ...argv);
    expect(JSON.parse(out).replaces.expires_at).toBe(second.expires_at);
  });

  it("asks how long the new key is to live where the old one ends, by itself or by a grace", async () => {
    const old = await create("--tenant", "acme", "--expires", "90d");
    const { code, out, err } = await token("rotate", old.id);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(`Give --expires: key ${old.id} itself expires at ${old.expires_at}`);
    const made = JSON.parse((await token("rotate", old.id, "--expires", "30d", "--json")).out);
    expect(Date.parse(made.expires_at) - Date.parse(made.created_at)).toBe(30 * 86_400_000);
    const never = JSON.parse((await token("rotate", old.id, "--expires", "never", "--json")).out);
    expect(never.expires_at).toBeNull();
  });

  it("answers 1 for a key that is not there, or counts no more, and makes nothing", async () => {
    const revoked = await create("--tenant", "acme");
    await token("revoke", revoked.id);
    const before = (await token("list", "--json")).out;
    expect(await token("rotate", "nope")).toMatchObject({
      code: 1,
      out: "",
      err: "Cannot rotate key: no key has the id nope (create one with stowage token create)\n",
    });
    expect((await token("rotate", revoked.id)).err).toContain(`${revoked.id} is revoked`);
    expect((await token("list", "--json")).out).toBe(before);
  });

  it.each<[string[], string]>([
    [[], "Missing the ID of the key"],
    [
      ["a", "--grace", "soon"],
      '--grace takes 30m, 12h, 7d, a date like 2027-01-31, or none; read "soon"',
    ],
    [["a", "--grace", "2020-01-01"], "--grace takes"],
    [["a", "--expires", "0d"], "--expires takes"],
    [["a", "b"], 'Unexpected argument "b"'],
  ])("refuses %j with 2", async (argv, message) => {
    const { code, out, err } = await token("rotate", ...argv);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(message);
    expect(err).toContain("Try: stowage token rotate --help");
  });
});

describe("stowage token list --json", () => {
  it("reports the state of each key", async () => {
    const [active, revoked] = [await create("--operator"), await create("--operator")];
    const rotated = await create("--tenant", "acme");
    await token("revoke", revoked.id);
    await token("rotate", rotated.id, "--grace", "none");
    const { items } = JSON.parse((await token("list", "--json")).out);
    const states = new Map(items.map((key: { id: string; state: string }) => [key.id, key.state]));
    expect([active, revoked, rotated].map(({ id }) => states.get(id))).toEqual([
      ...["active", "revoked", "expired"],
    ]);
  });
});
