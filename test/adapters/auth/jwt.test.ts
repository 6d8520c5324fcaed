import type { IncomingMessage, ServerResponse } from "node:http";
import { type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createJwtAuthenticator, type JwtOptions } from "../../../src/adapters/auth/jwt.ts";
import { createKeySet } from "../../../src/adapters/auth/key-set.ts";
import { isStowageError } from "../../../src/domain/errors.ts";
import { FixedClock } from "./fixed-clock.ts";
import { newSigningKey, type SigningKey, startJwksServer } from "./jwks-server.ts";

const SECRET = "q8ZrT1vXw0mKp5LcYb7NjHs3DgFe9AuR";
const CLAIMS = {
  issuer: null,
  audience: null,
  tenantClaim: "tenant_id",
  operatorClaim: null,
} as const;

const clock = new FixedClock();
const seconds = () => Math.floor(clock.now() / 1000);

function bySecret(options: Partial<JwtOptions> = {}) {
  const all = { kind: "secret", secret: SECRET, ...CLAIMS, ...options } as JwtOptions;
  return createJwtAuthenticator(all, { clock, fetch });
}

/** A token that is good in every respect but what `claims` and `header` change. */
function sign(
  claims: Record<string, unknown> = {},
  header = {},
  key: string | Uint8Array = SECRET,
) {
  const payload = { sub: "ann", tenant_id: "acme", scope: "upload:read", exp: seconds() + 60 };
  return new SignJWT({ ...payload, ...claims })
    .setProtectedHeader({ alg: "HS256", ...header })
    .sign(typeof key === "string" ? new TextEncoder().encode(key) : key);
}

describe("createJwtAuthenticator() by a secret", () => {
  it("finds tenant, subject and scopes", async () => {
    expect(await bySecret().authenticate(await sign())).toEqual({
      kind: "tenant",
      tenant: "acme",
      subject: "jwt:ann",
      scopes: new Set(["upload:read"]),
    });
  });

  it.each<[string, Record<string, unknown>]>([
    ["expired", { exp: seconds() - 5 }],
    ["that never expires", { exp: undefined }],
    ["not yet begun", { nbf: seconds() + 6 }],
    ["without a tenant", { tenant_id: undefined }],
    ["whose tenant is a path", { tenant_id: "../acme" }],
    ["whose tenant begins with a dot", { tenant_id: ".stowage" }],
    ["whose tenant is a list", { tenant_id: ["acme"] }],
    ["whose subject breaks a line", { sub: "a\nb" }],
    ["whose subject is endless", { sub: "a".repeat(256) }],
  ])("refuses a token %s", async (_, claims) => {
    expect(await bySecret().authenticate(await sign(claims))).toBeNull();
  });

  it("forgives five seconds between two clocks", async () => {
    expect(await bySecret().authenticate(await sign({ exp: seconds() - 4 }))).not.toBeNull();
    expect(await bySecret().authenticate(await sign({ nbf: seconds() + 5 }))).not.toBeNull();
  });

  it("refuses another secret, other algorithms and none", async () => {
    const jwt = bySecret();
    expect(await jwt.authenticate(await sign({}, {}, `${SECRET}x`))).toBeNull();
    const long = SECRET.repeat(2);
    expect(await bySecret({ secret: long }).authenticate(await sign({}, {}, long))).not.toBeNull();
    const hs512 = await sign({}, { alg: "HS512" }, long);
    expect(await bySecret({ secret: long }).authenticate(hs512)).toBeNull();
    const unsecured = new UnsecuredJWT({ tenant_id: "acme", exp: seconds() + 60 }).encode();
    expect(await jwt.authenticate(unsecured)).toBeNull();
    const [, body] = unsecured.split(".");
    for (const alg of ["none", "None", "NONE", ""]) {
      const header = Buffer.from(JSON.stringify({ alg })).toString("base64url");
      expect(await jwt.authenticate(`${header}.${body}.`)).toBeNull();
    }
  });

  it("refuses what is no token, and a token with a changed body", async () => {
    const [header, , signature] = (await sign()).split(".");
    const body = Buffer.from(JSON.stringify({ tenant_id: "evil", exp: seconds() + 60 }));
    const forged = `${header}.${body.toString("base64url")}.${signature}`;
    for (const token of [forged, "", "a", "a.b", "a.b.c", "a.b.c.d.e", "..", `${header}..`]) {
      expect(await bySecret().authenticate(token)).toBeNull();
    }
  });

  it("refuses a critical header that it does not know", async () => {
    const header = Buffer.from('{"alg":"HS256","crit":["x"],"x":1}').toString("base64url");
    const [, body] = (await sign()).split(".");
    const key = await crypto.subtle.importKey(
      "raw",
      Buffer.from(SECRET),
      { name: "HMAC", hash: "SHA-256" },
      false,
      ["sign"],
    );
    const signature = await crypto.subtle.sign("HMAC", key, Buffer.from(`${header}.${body}`));
    const token = `${header}.${body}.${Buffer.from(signature).toString("base64url")}`;
    expect(await bySecret().authenticate(token)).toBeNull();
  });

  it("checks issuer and audience where they are configured", async () => {
    const strict = bySecret({ issuer: "me", audience: "files" });
    const judge = async (claims: JWTPayload) =>
      (await strict.authenticate(await sign(claims))) !== null;
    expect(await judge({ iss: "me", aud: "files" })).toBe(true);
    expect(await judge({ iss: "me", aud: ["mail", "files"] })).toBe(true);
    expect(await judge({ iss: "you", aud: "files" })).toBe(false);
    expect(await judge({ iss: "me", aud: "mail" })).toBe(false);
    expect(await judge({ aud: "files" })).toBe(false);
    expect(await judge({ iss: "me" })).toBe(false);
  });

  it("reads the tenant from the claim that is configured, an own one", async () => {
    const tenant = async (tenantClaim: string, claims: JWTPayload) =>
      bySecret({ tenantClaim }).authenticate(await sign(claims));
    expect(await tenant("https://x/org", { "https://x/org": "beta" })).toMatchObject({
      tenant: "beta",
    });
    for (const name of ["constructor", "__proto__", "toString"]) {
      expect(await tenant(name, {})).toBeNull();
    }
  });

  it.each<[unknown, string[]]>([
    ["upload:read  upload:write", ["upload:read", "upload:write"]],
    [
      ["upload:read", "upload:delete", 7],
      ["upload:read", "upload:delete"],
    ],
    ["UPLOAD:READ upload:* admin", []],
    [undefined, []],
    [{ 0: "upload:read" }, []],
  ])("reads the scopes of %j", async (scope, scopes) => {
    const caller = await bySecret().authenticate(await sign({ scope }));
    expect(caller).toMatchObject({ scopes: new Set(scopes) });
  });

  it("makes an operator only by the configured claim, and only where it is true", async () => {
    const token = (admin: unknown) => sign({ admin, tenant_id: undefined });
    const withClaim = bySecret({ operatorClaim: "admin" });
    expect(await withClaim.authenticate(await token(true))).toEqual({
      kind: "operator",
      subject: "jwt:ann",
    });
    for (const value of ["true", 1, ["x"], {}, false, undefined]) {
      expect(await withClaim.authenticate(await token(value))).toBeNull();
    }
    expect(await bySecret().authenticate(await token(true))).toBeNull();
  });
});

describe("createJwtAuthenticator() by a key set", () => {
  let server: Awaited<ReturnType<typeof startJwksServer>>;
  let rsa: SigningKey;
  let ec: SigningKey;
  let ed: SigningKey;

  beforeAll(async () => {
    [rsa, ec, ed] = await Promise.all([
      newSigningKey("RS256", "rsa"),
      newSigningKey("ES256", "ec"),
      newSigningKey("EdDSA", "ed"),
    ]);
  });
  beforeEach(async () => {
    server = await startJwksServer();
    return async () => void (await server.close());
  });

  function byKeys() {
    const options = { ...CLAIMS, kind: "jwks", url: server.url, issuer: "me", audience: "files" };
    return createJwtAuthenticator(options as JwtOptions, { clock, fetch });
  }

  function issue(key: SigningKey, header = {}) {
    return new SignJWT({ tenant_id: "acme", iss: "me", aud: "files", exp: seconds() + 90_000 })
      .setProtectedHeader({ alg: key.alg, ...(key.jwk.kid && { kid: key.jwk.kid }), ...header })
      .sign(key.privateKey);
  }

  const isUnavailable = (retryable: boolean) => (error: unknown) =>
    isStowageError(error, "auth_unavailable") && error.retryable === retryable;

  it("verifies RS, ES and EdDSA with one fetch", async () => {
    server.publish(rsa.jwk, ec.jwk, ed.jwk);
    const jwt = byKeys();
    const tokens = await Promise.all([rsa, ec, ed].map((key) => issue(key)));
    const callers = await Promise.all(tokens.map((token) => jwt.authenticate(token)));
    for (const caller of callers) expect(caller).toMatchObject({ tenant: "acme" });
    expect(server.requests()).toBe(1);
  });

  it("refuses a token signed by HMAC with the public key", async () => {
    server.publish(rsa.jwk);
    const claims = { iss: "me", aud: "files" };
    const confused = await sign(claims, { kid: "rsa" }, JSON.stringify(rsa.jwk));
    expect(await byKeys().authenticate(confused)).toBeNull();
  });

  it("refuses HMAC even where the set publishes a shared secret", async () => {
    server.publish({ kty: "oct", k: Buffer.from(SECRET).toString("base64url"), kid: "oct" });
    const token = await sign({ iss: "me", aud: "files" }, { kid: "oct" });
    expect(await byKeys().authenticate(token)).toBeNull();
  });

  it("takes keys from the configured address only, whatever the header says", async () => {
    server.publish(ec.jwk);
    const evil = await newSigningKey("ES256", "evil");
    const evilServer = await startJwksServer();
    evilServer.publish(evil.jwk);
    const jwt = byKeys();
    const tricks = [
      { jku: evilServer.url },
      { x5u: evilServer.url },
      { jwk: evil.jwk },
      { kid: "ec" },
      { kid: evilServer.url },
      { kid: "../../dev/null" },
      { kid: "' OR 1=1 --" },
    ];
    for (const header of tricks) {
      expect(await jwt.authenticate(await issue(evil, header))).toBeNull();
    }
    expect(evilServer.requests()).toBe(0);
    await evilServer.close();
  });

  it("tries every key that fits where the token names none", async () => {
    const [first, second, third] = await Promise.all([
      newSigningKey("ES256"),
      newSigningKey("ES256"),
      newSigningKey("ES256"),
    ]);
    server.publish(first.jwk, second.jwk);
    const jwt = byKeys();
    expect(await jwt.authenticate(await issue(second))).not.toBeNull();
    expect(await jwt.authenticate(await issue(third))).toBeNull();
  });

  it("follows a rotation, and bears a flood of unknown keys", async () => {
    server.publish(rsa.jwk);
    const jwt = byKeys();
    expect(await jwt.authenticate(await issue(rsa))).not.toBeNull();
    server.publish(ec.jwk);
    clock.forward(30_000);
    expect(await jwt.authenticate(await issue(ec))).not.toBeNull();
    expect(await jwt.authenticate(await issue(rsa))).toBeNull();
    for (let i = 0; i < 20; i++) {
      expect(await jwt.authenticate(await issue(ed, { kid: `k${i}` }))).toBeNull();
    }
    expect(server.requests()).toBe(2);
  });

  it("forgets a withdrawn key within ten minutes", async () => {
    server.publish(rsa.jwk, ec.jwk);
    const jwt = byKeys();
    expect(await jwt.authenticate(await issue(rsa))).not.toBeNull();
    server.publish(ec.jwk);
    clock.forward(10 * 60_000);
    expect(await jwt.authenticate(await issue(rsa))).toBeNull();
  });

  it("keeps working with the keys it has while the endpoint is sick, for a day", async () => {
    server.publish(rsa.jwk);
    const jwt = byKeys();
    await jwt.authenticate(await issue(rsa));
    server.fallSick((_, response) => response.writeHead(500).end());
    clock.forward(60 * 60_000);
    expect(await jwt.authenticate(await issue(rsa))).not.toBeNull();
    // This key may be a new one: no one can say.
    await expect(jwt.authenticate(await issue(ec))).rejects.toSatisfy(isUnavailable(true));
    expect(server.requests()).toBe(2);
    clock.forward(23 * 60 * 60_000);
    await expect(jwt.authenticate(await issue(rsa))).rejects.toSatisfy(isUnavailable(true));
    server.publish(rsa.jwk);
    clock.forward(30_000);
    expect(await jwt.authenticate(await issue(rsa))).not.toBeNull();
  });

  it.each<[string, Parameters<Awaited<ReturnType<typeof startJwksServer>>["fallSick"]>[0]]>([
    ["answers 500", (_, response) => void response.writeHead(500).end()],
    ["answers 204", (_, response) => void response.writeHead(204).end()],
    ["breaks off", (request) => void request.socket.destroy()],
    ["answers garbage", (_, response) => void response.end("<html>")],
    ["answers another JSON", (_, response) => void response.end('{"keys":"none"}')],
    ["answers a list", (_, response) => void response.end("[]")],
    ["answers no key at all", (_, response) => void response.end('{"keys":[]}')],
    [
      "answers too much",
      (_, response) =>
        void response.end(JSON.stringify({ keys: [rsa.jwk], pad: "x".repeat(2 ** 20) })),
    ],
    ["redirects", (_, response) => void response.writeHead(302, { location: "/jwks" }).end()],
  ])("says that it cannot tell where the endpoint %s", async (_, answer) => {
    server.publish(rsa.jwk);
    server.fallSick(answer);
    const jwt = byKeys();
    const token = await issue(rsa);
    await expect(jwt.authenticate(token)).rejects.toSatisfy(isUnavailable(true));
    await expect(jwt.authenticate(token)).rejects.toSatisfy(isUnavailable(true));
    expect(server.requests()).toBe(1);
  });

  it.each<[string, (request: IncomingMessage, response: ServerResponse) => void]>([
    ["answers 503", (_, response) => void response.writeHead(503).end()],
    ["publishes no key at all", (_, response) => void response.end('{"keys":[]}')],
    ["answers a page", (_, response) => void response.end("<!doctype html>")],
    ["breaks off", (request) => void request.socket.destroy()],
    ["redirects", (_, response) => void response.writeHead(302, { location: "/jwks" }).end()],
  ])("goes on with its keys where the endpoint %s, and asks it no more than twice a minute", async (_, answer) => {
    server.publish(rsa.jwk);
    const jwt = byKeys();
    await jwt.authenticate(await issue(rsa));
    server.fallSick(answer);
    clock.forward(10 * 60_000);
    for (let calls = 0; calls < 12; calls += 1) {
      expect(await jwt.authenticate(await issue(rsa))).toMatchObject({ tenant: "acme" });
      clock.forward(5_000);
    }
    await expect.poll(() => server.requests()).toBe(3);
    server.publish(ec.jwk);
    clock.forward(30_000);
    expect(await jwt.authenticate(await issue(ec))).toMatchObject({ tenant: "acme" });
    expect(await jwt.authenticate(await issue(rsa))).toBeNull();
  });

  /** The lookup of a key by itself, by a caller that waits for as long as it takes. */
  function lookup(isolatedRequests = false) {
    const keys = createKeySet(server.url, clock, fetch, { timeoutMs: 3_600_000, isolatedRequests });
    return (kid: string) => keys({ alg: "RS256", kid }, { payload: "", signature: "" });
  }

  const hang = () => {};

  it("asks a hanging endpoint behind the answers to those who call often", async () => {
    server.publish(rsa.jwk);
    const find = lookup();
    await find("rsa");
    server.fallSick(hang);
    clock.forward(5 * 60_000);
    expect(await find("rsa")).toBeDefined();
    await expect.poll(() => server.requests()).toBe(2);
    clock.forward(4 * 60_000);
    expect(await find("rsa")).toBeDefined();
  });

  it("waits no second time for an endpoint that is sick, with keys of any age", async () => {
    server.publish(rsa.jwk);
    const find = lookup();
    await find("rsa");
    server.fallSick((request) => void request.socket.destroy());
    clock.forward(60 * 60_000);
    expect(await find("rsa")).toBeDefined();
    server.fallSick(hang);
    clock.forward(30_000);
    expect(await find("rsa")).toBeDefined();
    await expect.poll(() => server.requests()).toBe(3);
  });

  it("uses newer keys as soon as they have come", async () => {
    server.publish(rsa.jwk, ec.jwk);
    const jwt = byKeys();
    await jwt.authenticate(await issue(rsa));
    server.publish(ec.jwk);
    clock.forward(5 * 60_000);
    expect(await jwt.authenticate(await issue(rsa))).not.toBeNull();
    await expect.poll(async () => await jwt.authenticate(await issue(rsa))).toBeNull();
    expect(server.requests()).toBe(2);
  });

  it("lets no isolated request wait for what another has asked", async () => {
    server.fallSick(hang);
    const find = lookup(true);
    find("rsa").catch(() => {});
    await expect.poll(() => server.requests()).toBe(1);
    server.publish(rsa.jwk);
    expect(await find("rsa")).toBeDefined();
    server.fallSick(hang);
    clock.forward(30_000);
    find("ec").catch(() => {});
    await expect.poll(() => server.requests()).toBe(3);
    expect(await find("rsa")).toBeDefined();
    await expect(find("ec"), "nobody can say").rejects.toSatisfy(isUnavailable(true));
    expect(server.requests()).toBe(3);
  });

  it.each([
    "headers",
    "body",
  ])("waits for the %s of a stalling endpoint no longer than its time", async (part) => {
    server.fallSick((_, response) => {
      if (part === "body") response.write('{"keys":');
    });
    const keys = createKeySet(server.url, clock, fetch, { timeoutMs: 30 });
    const header = { alg: "RS256", kid: "rsa" };
    const token = { payload: "", signature: "" };
    await expect(keys(header, token)).rejects.toSatisfy(isUnavailable(true));
  });

  it("says that it cannot tell where the published key is broken", async () => {
    server.publish({ ...ec.jwk, x: "AAAA" });
    await expect(byKeys().authenticate(await issue(ec))).rejects.toSatisfy(isUnavailable(false));
  });

  it("asks no one about what is refused by its header", async () => {
    server.publish(rsa.jwk);
    expect(await byKeys().authenticate(await sign({ iss: "me", aud: "files" }))).toBeNull();
    expect(server.requests()).toBe(0);
  });
});
