import { getRandomValues } from "node:crypto";
import { SignJWT, UnsecuredJWT } from "jose";
import { expect, test } from "vitest";
import {
  API_KEY_CACHE_MS,
  type ApiKeyRequest,
  createApiKey,
} from "../../src/adapters/auth/api-key.ts";
import { hasher } from "../../src/adapters/hasher.ts";
import { SCOPES } from "../../src/domain/principal.ts";
import { ACME, OTHER } from "../support/services.ts";
import { testApp } from "../support/test-app.ts";
import { problemOf } from "./problem-of.ts";

const SECRET = "q8ZrT1vXw0mKp5LcYb7NjHs3DgFe9AuR";

/** The app with the credentials of production, over a clock that stands still. */
async function start() {
  const app = await testApp({
    authenticate: "credentials",
    env: { AUTH_JWT_SECRET: SECRET, AUTH_OPERATOR_CLAIM: "admin" },
  });
  /** Make a key with every scope of `acme`, unless `request` says otherwise. */
  const newKey = async (request: Partial<ApiKeyRequest> = {}) => {
    const whole = { tenant: ACME, scopes: [...SCOPES], label: "", expiresAt: null, ...request };
    const made = createApiKey(whole, (bytes) => getRandomValues(bytes), app.clock, hasher);
    await app.keys.insert(made.record);
    return { key: made.key, id: made.record.id };
  };
  const call = (method: string, path: string, token: string, body?: string) =>
    app.send(method, `/api/v1${path}`, {
      headers: { Authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body }),
    });
  /** Store a file and return what the service made of it. */
  const put = async (token: string) => {
    const answer = await call("PUT", "/upload/a.txt", token, "text");
    expect(answer.status).toBe(201);
    return (await answer.json()) as { id: string; tenant_id: string; created_by: string };
  };
  const now = () => Math.floor(app.clock.now() / 1000);
  const sign = (claims: Record<string, unknown> = {}) =>
    new SignJWT({
      sub: "ann",
      tenant_id: "acme",
      scope: SCOPES.join(" "),
      exp: now() + 60,
      ...claims,
    })
      .setProtectedHeader({ alg: "HS256" })
      .sign(new TextEncoder().encode(SECRET));
  return { ...app, newKey, call, put, sign, now };
}

test("an API key uploads for its tenant and is named by what it made", async () => {
  const app = await start();
  const { key, id } = await app.newKey();
  const upload = await app.put(key);
  expect(upload).toMatchObject({ tenant_id: "acme", created_by: `key:${id}` });
  const { key: others } = await app.newKey({ tenant: OTHER });
  expect((await app.call("GET", `/upload/${upload.id}`, key)).status).toBe(200);
  expect((await app.call("GET", `/upload/${upload.id}`, others)).status).toBe(404);
  expect((await app.call("DELETE", `/upload/${upload.id}`, others)).status).toBe(404);
  expect((await app.call("DELETE", `/upload/${upload.id}`, key)).status).toBe(204);
});

test("an API key does what its scopes say, and an operator's nothing for a tenant", async () => {
  const app = await start();
  const { id } = await app.put((await app.newKey()).key);
  const { key: reader } = await app.newKey({ scopes: ["upload:read"] });
  expect((await app.call("GET", `/upload/${id}/file`, reader)).status).toBe(200);
  expect((await app.call("PUT", "/upload/b.txt", reader, "x")).status).toBe(403);
  expect((await app.call("DELETE", `/upload/${id}`, reader)).status).toBe(403);
  expect((await app.call("GET", "/storage/health", reader)).status).toBe(403);
  const { key: operator } = await app.newKey({ tenant: null, scopes: [] });
  expect((await app.call("GET", "/storage/health", operator)).status).toBe(200);
  expect((await app.call("GET", "/upload", operator)).status).toBe(403);
});

test("an API key ends at its time, and soon after it was revoked", async () => {
  const app = await start();
  const until = await app.newKey({ expiresAt: app.clock.now() + 10_000 });
  const revoked = await app.newKey();
  for (const { key } of [until, revoked]) await app.put(key);
  await app.keys.revoke(revoked.id, app.clock.now());
  app.clock.advance(API_KEY_CACHE_MS);
  const answer = await app.call("GET", "/upload", revoked.key);
  expect(await problemOf(answer)).toEqual({ status: 401, code: "unauthenticated" });
  expect((await app.call("GET", "/upload", until.key)).status).toBe(200);
  app.clock.advance(10_000);
  expect((await app.call("GET", "/upload", until.key)).status).toBe(401);
});

test("a JWT uploads for the tenant that it names, until it ends", async () => {
  const app = await start();
  const token = await app.sign();
  const upload = await app.put(token);
  expect(upload).toMatchObject({ tenant_id: "acme", created_by: "jwt:ann" });
  const theirs = await app.sign({ tenant_id: "other" });
  expect((await app.call("GET", `/upload/${upload.id}`, theirs)).status).toBe(404);
  app.clock.advance(3_600_000);
  expect((await app.call("GET", `/upload/${upload.id}`, token)).status).toBe(401);
});

test("a JWT is an operator's only by the claim that was configured for it", async () => {
  const app = await start();
  const status = async (claims: object) =>
    (await app.call("GET", "/storage/health", await app.sign({ ...claims }))).status;
  expect(await status({ admin: true })).toBe(200);
  expect(await status({ operator: true })).toBe(403);
  expect(await status({ admin: "true" })).toBe(403);
});

test("tokens that are forged, unsigned or without a tenant all get the same response", async () => {
  const app = await start();
  const unsigned = new UnsecuredJWT({ sub: "ann", tenant_id: "acme", exp: app.now() + 60 });
  const forged = (await app.sign()).replace(/.{4}$/, "AAAA");
  const { key } = await app.newKey();
  const tokens = [
    ...[unsigned.encode(), forged, await app.sign({ tenant_id: "../acme" })],
    ...[await app.sign({ tenant_id: undefined }), `${key}x`, key.replace(/.$/, "-"), ""],
  ];
  for (const token of tokens) {
    const answer = await app.call("PUT", "/upload/a.txt", token, "x");
    expect(await problemOf(answer), token).toEqual({ status: 401, code: "unauthenticated" });
  }
  expect(await app.kept()).toEqual({ files: 0, records: 0 });
});
