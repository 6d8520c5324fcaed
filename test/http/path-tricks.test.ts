import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { SignJWT } from "jose";
import { expect, test } from "vitest";
import type { Endpoint } from "../../src/http/endpoint.ts";
import { ENDPOINTS } from "../../src/http/router.ts";
import { ServerProcess } from "../support/server-process.ts";
import { fastFolder } from "../support/temp-folder.ts";
import { Wire } from "./wire.ts";

const MISSING = "01a20ce4-05c0-7a5e-8c3b-6f1d2e4a9b70";

/** Other spellings of a path, which someone on the way may take for the path or for an open one. */
const TRICKS: readonly ((path: string) => string)[] = [
  (path) => path,
  (path) => `${path}/`,
  (path) => `/${path}`,
  (path) => `${path}//`,
  (path) => path.replace("/upload", "//upload"),
  (path) => path.replace("/upload", "/./upload"),
  (path) => path.replace("/upload", "/x/../upload"),
  (path) => path.replace("/upload", "/%2e/upload"),
  (path) => path.replace("/upload", "/x/%2e%2e/upload"),
  (path) => path.replace("/upload", "/health/live/..%2f..%2fupload"),
  (path) => path.replace("/upload", "/health/live/../../upload"),
  (path) => `/health/live/../..${path}`,
  (path) => `/health/live/%2e%2e/%2e%2e${path}`,
  (path) => `/health/live;${path}`,
  (path) => path.replace("/upload", ";v=1/upload"),
  (path) => path.replace("/upload", "/;/upload"),
  (path) => path.replace("/upload", "/UPLOAD"),
  (path) => path.replace("/api", "/API"),
  (path) => path.replace("/api", "/%61pi"),
  (path) => path.replace("/upload", "/%75pload"),
  (path) => path.replace("/upload", "%2fupload"),
  (path) => path.replaceAll("/", "%2F"),
  (path) => path.replaceAll("/", "\\"),
  (path) => path.replace("/upload", "/..;/upload"),
  (path) => `${path}.`,
  (path) => `${path}%20`,
  (path) => `${path}%00`,
  (path) => `${path};jsessionid=1`,
  (path) => `${path}?/../../../health/live`,
  (path) => `${path}%3f/health/live`,
  (path) => `${path}#/health/live`,
  (path) => `http://stowage.test${path}`,
  (path) => `http://stowage.test/health/live/../..${path}`,
  (path) => `http://other.test:1/${path}`,
  (path) => `HTTP://stowage.test${path}`,
];

interface Told {
  readonly status: number;
  readonly code: string | null;
  readonly text: string;
}

/** One request whose target is sent exactly as it stands. */
async function ask(url: string, method: string, target: string, token: string): Promise<Told> {
  const wire = await Wire.open(url);
  const lines = [
    `${method} ${target} HTTP/1.1`,
    "Host: stowage.test",
    "Connection: close",
    "Content-Length: 0",
    ...(token === "" ? [] : [`Authorization: Bearer ${token}`]),
  ];
  await wire.send(`${lines.join("\r\n")}\r\n\r\n`);
  await wire.closed;
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(wire.received)?.[1]);
  const code = /"code":"(\w+)"/.exec(wire.received)?.[1] ?? null;
  return { status, code, text: wire.received };
}

test("no spelling of a path passes a gate of a real server, without a token or with another tenant's", async () => {
  const folder = fastFolder();
  const secret = randomBytes(48).toString("base64");
  const server = await ServerProcess.start({
    FILE_STORAGE_PATH: join(folder, "uploads"),
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
    AUTH_JWT_SECRET: secret,
  });
  const tokenOf = (tenant: string) =>
    new SignJWT({ tenant_id: tenant, scope: "upload:read upload:write upload:delete" })
      .setProtectedHeader({ alg: "HS256" })
      .setSubject(tenant)
      .setExpirationTime("1h")
      .sign(Buffer.from(secret));
  const [acme, other] = await Promise.all([tokenOf("acme"), tokenOf("other")]);
  const path = `${server.url}/api/v1/upload`;
  const headers = { Authorization: `Bearer ${acme}` };
  const made = await fetch(`${path}/a.txt`, { method: "PUT", headers, body: "mine alone" });
  expect(made.status).toBe(201);
  const { id } = (await made.json()) as { id: string };

  const guarded = ENDPOINTS.filter(({ access }) => access !== "public");
  expect(guarded.length).toBeGreaterThan(9);
  const owned = await ask(server.url, "GET", `/api/v1/upload/${id}/file`, acme);
  expect(owned.text).toContain("mine alone");
  let asked = 0;
  const tryTrick = async (trick: (path: string) => string, { route, access }: Endpoint) => {
    const method = route.method.toUpperCase();
    const targetOf = (name: string) =>
      trick(`/api/v1${route.path}`.replace("{id}", name).replace("{filename}", "b.txt"));
    const target = targetOf(id);
    const name = `${method} ${target}`;
    const open = await ask(server.url, method, target, "");
    // Another spelling may lead to an open route, which reveals nothing of an upload.
    expect([200, 400, 401, 404, 405], name).toContain(open.status);
    expect(open.text, name).not.toContain("mine alone");
    if (open.status === 200) expect(open.text, name).toContain('"alive"');
    asked += 1;
    if (!route.path.includes("{id}") && access !== "operator") return;
    const theirs = await ask(server.url, method, target, other);
    const missing = await ask(server.url, method, targetOf(MISSING), other);
    expect([theirs.status, theirs.code], name).toEqual([missing.status, missing.code]);
    expect([400, 403, 404, 405, 422], name).toContain(theirs.status);
    asked += 2;
  };
  for (const endpoint of guarded) {
    await Promise.all(TRICKS.map((trick) => tryTrick(trick, endpoint)));
  }
  expect(asked).toBeGreaterThan(700);
  const file = await fetch(`${path}/${id}/file`, { headers });
  expect(await file.text()).toBe("mine alone");
  const list = await (await fetch(path, { headers })).json();
  expect((list as { items: unknown[] }).items).toHaveLength(1);
});
