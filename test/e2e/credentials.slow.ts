import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { exportSPKI, importJWK, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import { beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { loadConfig } from "../../src/config.ts";
import { openKeyRecords } from "../../src/runtime/node-parts.ts";
import { newSigningKey, type SigningKey, startJwksServer } from "../adapters/auth/jwks-server.ts";
import { stowage } from "../cli/terminal.ts";
import { ServerProcess } from "../support/server-process.ts";
import { fastFolder } from "../support/temp-folder.ts";
import { testApp } from "../support/test-app.ts";

const ISSUER = "https://login.example";
const AUDIENCE = "files";
const now = () => Math.floor(Date.now() / 1000);

/** The real program, its database, and the command line beside it. */
async function start(more: Record<string, string> = {}) {
  const folder = fastFolder();
  const env = {
    FILE_STORAGE_PATH: join(folder, "uploads"),
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
    ...more,
  };
  const server = await ServerProcess.start(env);
  const call = (path: string, headers: Record<string, string> = {}, method = "GET") =>
    fetch(`${server.url}/api/v1${path}`, { method, headers });
  const statusOf = async (token: string, path = "/upload") =>
    (await call(path, { Authorization: `Bearer ${token}` })).status;
  const token = (...argv: string[]) =>
    stowage(["token", ...argv], { env, runtime: { openKeyRecords } });
  return { folder, server, env, call, statusOf, token };
}

async function jwks() {
  const server = await startJwksServer();
  onTestFinished(() => void server.close());
  return {
    ...server,
    settings: {
      AUTH_JWKS_URL: server.url,
      AUTH_JWT_ISSUER: ISSUER,
      AUTH_JWT_AUDIENCE: AUDIENCE,
      AUTH_OPERATOR_CLAIM: "admin",
    },
  };
}

function claims(changes: JWTPayload = {}): JWTPayload {
  const times = { iat: now(), exp: now() + 300 };
  const caller = { sub: "ann", tenant_id: "acme", scope: "upload:read upload:write" };
  return { iss: ISSUER, aud: AUDIENCE, ...times, ...caller, ...changes };
}

function issue(key: SigningKey, changes: JWTPayload = {}, header: object = {}): Promise<string> {
  const { kid = "" } = key.jwk;
  return new SignJWT(claims(changes))
    .setProtectedHeader({ alg: key.alg, kid, ...header })
    .sign(key.privateKey);
}

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

describe("a server that takes the tokens of a key set", () => {
  let rsa: SigningKey;
  let ec: SigningKey;
  let ed: SigningKey;
  let evil: SigningKey;
  beforeAll(async () => {
    [rsa, ec, ed, evil] = await Promise.all([
      newSigningKey("RS256", "rsa"),
      newSigningKey("ES256", "ec"),
      newSigningKey("EdDSA", "ed"),
      newSigningKey("RS256", "evil"),
    ]);
  });

  it("takes those that are good and no other, and operators only by their claim", async () => {
    const set = await jwks();
    set.publish(rsa.jwk, ec.jwk, ed.jwk);
    const elsewhere = await jwks();
    elsewhere.publish(evil.jwk);
    const { statusOf, call, server } = await start(set.settings);
    for (const key of [rsa, ec, ed]) expect(await statusOf(await issue(key)), key.alg).toBe(200);
    const list = await issue(rsa, { aud: ["mail", AUDIENCE] });
    expect(await statusOf(list)).toBe(200);

    const pem = await exportSPKI(
      (await importJWK(rsa.jwk, "RS256", { extractable: true })) as never,
    );
    const byHmac = (secret: string) => {
      const text = `${base64({ alg: "HS256", kid: "rsa" })}.${base64(claims())}`;
      return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
    };
    const unsigned = new UnsecuredJWT(claims()).encode();
    const good = await issue(rsa);
    const bad: Record<string, string> = {
      "no signature": unsigned,
      "none in other letters": `${base64({ alg: "nOnE" })}.${base64(claims())}.`,
      "a signature cut off": good.replace(/[^.]+$/, ""),
      "another body": good.replace(/\.[^.]+\./, `.${base64(claims({ tenant_id: "other" }))}.`),
      "HMAC with the public key in PEM": byHmac(pem),
      "HMAC with the public key in JSON": byHmac(JSON.stringify(rsa.jwk)),
      "a key that is not in the set": await issue(evil),
      "that key under a name of the set": await issue(evil, {}, { kid: "rsa" }),
      "that key in the header": await issue(evil, {}, { jwk: evil.jwk, kid: "rsa" }),
      "that key at an address in the header": await issue(evil, {}, { jku: elsewhere.url }),
      "a certificate at an address in the header": await issue(evil, {}, { x5u: elsewhere.url }),
      "a path for a key": await issue(evil, {}, { kid: "../../../dev/null" }),
      "a token that has ended": await issue(rsa, { exp: now() - 60 }),
      "a token without an end": await issue(rsa, { exp: undefined as never }),
      "a token that begins later": await issue(rsa, { nbf: now() + 300 }),
      "another audience": await issue(rsa, { aud: "mail" }),
      "other audiences": await issue(rsa, { aud: ["mail", "calendar"] }),
      "no audience": await issue(rsa, { aud: [] }),
      "another issuer": await issue(rsa, { iss: `${ISSUER}.evil` }),
      "no tenant": await issue(rsa, { tenant_id: undefined }),
      "a tenant that is none": await issue(rsa, { tenant_id: "../other" }),
    };
    for (const [what, token] of Object.entries(bad)) expect(await statusOf(token), what).toBe(401);
    expect(elsewhere.requests()).toBe(0);

    const headers: Record<string, Record<string, string>> = {
      "another scheme": { Authorization: `Basic ${btoa(`ann:${good}`)}` },
      "a scheme of its own": { Authorization: `JWT ${good}` },
      "no scheme": { Authorization: good },
      "two tokens": { Authorization: `Bearer ${good}, Bearer ${good}` },
      "a cookie": { Cookie: `token=${good}; Authorization=Bearer ${good}` },
      "other headers": { "X-Api-Key": good, "Proxy-Authorization": `Bearer ${good}` },
    };
    for (const [what, sent] of Object.entries(headers)) {
      expect((await call("/upload", sent)).status, what).toBe(401);
    }
    for (const name of ["token", "access_token", "Authorization", "key"]) {
      expect((await call(`/upload?${name}=${good}`)).status, name).toBe(401);
    }
    const form = new URLSearchParams({ access_token: good });
    expect(
      (await fetch(`${server.url}/api/v1/upload`, { method: "POST", body: form })).status,
    ).toBe(401);
    expect(await twoHeaders(`${server.url}/api/v1/upload`, `Bearer ${good}`)).toBe(401);
    expect(JSON.stringify(server.log)).not.toContain(good.slice(0, 20));

    // Operators are whom AUTH_OPERATOR_CLAIM says, and only where it says true.
    const health = async (changes: JWTPayload) =>
      await statusOf(await issue(ec, changes), "/storage/health");
    expect(await health({ admin: true })).toBe(200);
    expect(await health({ admin: true, tenant_id: undefined, scope: undefined })).toBe(200);
    for (const admin of ["true", 1, {}, [true], false, undefined]) {
      expect(await health({ admin }), JSON.stringify(admin)).toBe(403);
    }
    expect(await health({ operator: true, scope: "admin operator upload:read" })).toBe(403);
    // An operator is one and nothing else, whatever tenant and scopes it names.
    expect(await statusOf(await issue(ec, { admin: true }))).toBe(403);
    // The set goes away: the keys that were read go on.
    await set.close();
    expect(await statusOf(await issue(ec))).toBe(200);
  });

  it("says 503 and when to come again where it has never had a key", async () => {
    const set = await jwks();
    set.fallSick((_, response) => void response.writeHead(500).end());
    const app = await testApp({ authenticate: "credentials", env: set.settings });
    const call = (authorization: string) =>
      app.send("GET", "/api/v1/upload", { headers: { Authorization: authorization } });
    const answer = await call(`Bearer ${await issue(ec)}`);
    expect([answer.status, answer.headers.get("Retry-After")]).toEqual([503, "5"]);
    expect(await answer.json()).toMatchObject({ code: "auth_unavailable" });
    expect((await call("")).status).toBe(401);
    expect(set.requests()).toBe(1);
  });
});

/** Two headers of one name, which `fetch` would join. */
function twoHeaders(url: string, authorization: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers: ["Host", "a", ...twice("Authorization", authorization)] });
    sent.on("response", (answer) => resolve(answer.resume().statusCode)).on("error", reject);
    sent.end();
  });
}

const twice = (name: string, value: string) => [name, value, name, value];

describe("a server that runs", () => {
  it("takes keys as the command line makes, rotates, revokes them and lets them end", async () => {
    const { folder, statusOf, token, env } = await start();
    const create = async (...argv: string[]) =>
      JSON.parse((await token("create", "--tenant", "acme", "--json", ...argv)).out);
    const [rotated, revoked] = [await create(), await create()];
    for (const { key } of [rotated, revoked]) expect(await statusOf(key)).toBe(200);
    const successor = JSON.parse((await token("rotate", rotated.id, "--json")).out);
    expect([await statusOf(rotated.key), await statusOf(successor.key)]).toEqual([200, 200]);
    await token("rotate", successor.id, "--grace", "none", "--json", "--expires", "never");
    await token("revoke", revoked.id);
    // Two seconds by its clock (see createApiKeyAuthenticator), which cannot be held here.
    const patience = { timeout: 10_000, interval: 50 };
    for (const { key } of [successor, revoked]) {
      await vi.waitFor(async () => expect(await statusOf(key)).toBe(401), patience);
    }
    expect(await statusOf(rotated.key), "within its grace").toBe(200);
    const operator = JSON.parse((await token("create", "--operator", "--json")).out);
    expect(await statusOf(operator.key, "/storage/health")).toBe(200);
    expect(await statusOf(operator.key)).toBe(403);
    const { keys, close } = await openKeyRecords(loadConfig(env));
    expect((await keys.list()).length).toBe(6);
    await close();
    expect(readFileSync(join(folder, "stowage.db")).includes(operator.key)).toBe(false);
  });
});
