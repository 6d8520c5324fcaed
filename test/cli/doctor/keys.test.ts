import { chmodSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { exportJWK, generateKeyPair } from "jose";
import { describe, expect, it, onTestFinished } from "vitest";
import { createApiKey } from "../../../src/adapters/auth/api-key.ts";
import { hasher } from "../../../src/adapters/hasher.ts";
import { loadConfig } from "../../../src/config.ts";
import { parseTenantId } from "../../../src/domain/tenant.ts";
import { openKeyRecords, serve } from "../../../src/runtime/node.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { stowage } from "../terminal.ts";
import { type Env, findings, inspecting, settings, troubles, WITHOUT_PROCESSING } from "./scene.ts";

const DAY_MS = 24 * 60 * 60_000;
const TOKENS = { AUTH_JWT_ISSUER: "https://issuer.example", AUTH_JWT_AUDIENCE: "stowage" };

interface KeyOptions {
  readonly tenant?: string | null;
  readonly expiresInDays?: number | null;
  readonly ageDays?: number;
}

/** Put a key into the database of `env`. @returns Its id. */
async function addKey(
  env: Env,
  { tenant = "acme", expiresInDays = null, ageDays = 0 }: KeyOptions,
) {
  const { keys, close } = await openKeyRecords(loadConfig(env));
  const { record } = createApiKey(
    {
      tenant: tenant === null ? null : parseTenantId(tenant),
      scopes: tenant === null ? [] : ["upload:read"],
      label: "CI",
      expiresAt: expiresInDays === null ? null : Date.now() + expiresInDays * DAY_MS,
    },
    (bytes) => crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>),
    { now: () => Date.now() - ageDays * DAY_MS },
    hasher,
  );
  await keys.insert(record);
  await close();
  return record.id;
}

async function keyTroubles(env: Env) {
  return troubles(await findings(env)).filter(({ check }) => check === "Keys");
}

/** A key set's endpoint, for as long as the test takes. */
async function publish(status: number, body: string): Promise<string> {
  const server = createServer((_, response) => response.writeHead(status).end(body));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
}

async function keySetTroubles(status: number, keys: unknown) {
  const body = typeof keys === "string" ? keys : JSON.stringify({ keys });
  const url = await publish(status, body);
  return await keyTroubles({ ...settings(), ...TOKENS, AUTH_JWKS_URL: url });
}

describe("stowage doctor on keys", () => {
  it("reports keys that end soon, and how to make the next one", async () => {
    const env = settings();
    const id = await addKey(env, { expiresInDays: 3 });
    await addKey(env, { expiresInDays: 60 });
    await addKey(env, { expiresInDays: -1 });
    expect(await keyTroubles(env)).toEqual([
      {
        check: "Keys",
        status: "warn",
        text: `key of acme, ${id} ("CI") expires in 3 days: its calls will then get 401`,
        advice: `replace it in time: stowage token rotate ${id} --expires 90d`,
      },
    ]);
    expect(await findings(env)).toContainEqual({
      check: "Keys",
      status: "ok",
      text: "2 API keys in use, 1 expired or revoked",
    });
  });

  it("warns of operators' keys without an end", async () => {
    const env = settings();
    const id = await addKey(env, { tenant: null });
    await addKey(env, { tenant: null, expiresInDays: 90 });
    expect(await keyTroubles(env)).toMatchObject([
      {
        status: "warn",
        text: expect.stringContaining(`the operator's key ${id} ("CI") never expires`),
        advice: `replace it: stowage token rotate ${id} --expires 90d`,
      },
    ]);
  });

  it("warns of a tenant's key without an end once it is old", async () => {
    const env = settings();
    await addKey(env, { ageDays: 300 });
    const id = await addKey(env, { ageDays: 400 });
    expect(await keyTroubles(env)).toMatchObject([
      { text: expect.stringMatching(`key of acme, ${id} .* is 400 days old and never expires`) },
    ]);
  });

  it("fails where others may read the key of the first start, and warns of it in production", async () => {
    const folder = tempFolder();
    const env = settings(folder);
    const io = { out: () => {}, err: () => {}, isTerminal: false };
    const server = await serve(loadConfig(env), io);
    await server.close();
    expect(await keyTroubles(env)).toEqual([]);
    const file = join(folder, "first-api-key");
    chmodSync(file, 0o644);
    expect(await keyTroubles(env)).toMatchObject([
      {
        status: "fail",
        text: expect.stringMatching(/holds an active key, .* may read it \(mode 644\)$/),
        advice: expect.stringContaining(`chmod 600 ${file}`),
      },
    ]);
    chmodSync(file, 0o600);
    const inProduction = { ...env, NODE_ENV: "production", HOST: "127.0.0.1" };
    expect(await keyTroubles(inProduction)).toMatchObject([
      {
        status: "warn",
        text: expect.stringContaining("first start is still active in production"),
      },
    ]);
    const { out } = await stowage(["doctor"], { env, runtime: inspecting(WITHOUT_PROCESSING) });
    expect(out).not.toContain(readFileSync(file, "utf8").trim());
  });

  it("fails in production where no one can call, and warns elsewhere", async () => {
    const inProduction = { ...settings(), NODE_ENV: "production" };
    expect(await keyTroubles(inProduction)).toMatchObject([
      {
        status: "fail",
        text: expect.stringMatching(/^no caller can authenticate: .* the server does not start$/),
        advice: expect.stringContaining("stowage token create --tenant acme"),
      },
    ]);
    const env = settings();
    await addKey(env, { expiresInDays: -1 });
    expect(await keyTroubles(env)).toMatchObject([{ status: "warn" }]);
  });

  it("refuses a weak secret as the start does, without showing it", async () => {
    const weak = { ...settings(), AUTH_JWT_SECRET: "my-secret-my-secret-my-secret-my-secret" };
    const outcome = await stowage(["doctor"], { env: weak, runtime: inspecting() });
    expect(outcome.code).toBe(2);
    expect(outcome.out).toContain("AUTH_JWT_SECRET is wrong: read ***");
    expect(outcome.out).toContain("openssl rand -base64 48");
    expect(outcome.out).not.toContain("my-secret");
  });
});

describe("stowage doctor on a key set", () => {
  it("reports how many keys there are, and for which algorithms", async () => {
    const { publicKey } = await generateKeyPair("ES256");
    const url = await publish(200, JSON.stringify({ keys: [await exportJWK(publicKey)] }));
    const found = await findings({ ...settings(), ...TOKENS, AUTH_JWKS_URL: url });
    expect(troubles(found)).toEqual([]);
    expect(found).toContainEqual({
      check: "Keys",
      status: "ok",
      text: "tokens are verified with AUTH_JWKS_URL: 1 keys, for ES256",
    });
  });

  it("fails where it cannot be fetched", async () => {
    expect(await keySetTroubles(500, "")).toMatchObject([
      {
        status: "fail",
        text: expect.stringContaining("cannot be fetched"),
        detail: "Cannot fetch key set: status 500",
        advice: expect.stringContaining("curl -sS http://127.0.0.1:"),
      },
    ]);
  });

  it("fails where what comes is no key set", async () => {
    for (const text of ["<html>", '{"jwks_uri":"https://issuer.example"}']) {
      expect(await keySetTroubles(200, text)).toMatchObject([
        { status: "fail", text: expect.stringContaining("does not return a key set") },
      ]);
    }
  });

  it("fails where no key is of use, and names those that do harm", async () => {
    const oct = { kty: "oct", kid: "shared", k: "c2VjcmV0LXNlY3JldC1zZWNyZXQ" };
    expect(await keySetTroubles(200, [oct])).toMatchObject([
      { status: "fail", text: expect.stringContaining("keys of AUTH_JWKS_URL can verify tokens") },
      {
        status: "fail",
        text: expect.stringMatching(/^key "shared" .* a shared secret, and is public/),
      },
    ]);
  });

  it("warns of an RSA key that is too short", async () => {
    const { publicKey } = await generateKeyPair("ES384");
    const short = { kty: "RSA", kid: "old", e: "AQAB", n: "x".repeat(171) };
    expect(await keySetTroubles(200, [await exportJWK(publicKey), short])).toMatchObject([
      {
        status: "warn",
        text: 'key "old" of AUTH_JWKS_URL has only 1024 bits: its tokens are refused',
      },
    ]);
  });
});
