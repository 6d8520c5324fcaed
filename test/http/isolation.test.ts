import { expect, test } from "vitest";
import { SILENT } from "../../src/domain/ports/logger.ts";
import { SCOPES } from "../../src/domain/principal.ts";
import { createApp } from "../../src/http/app.ts";
import { BASE_PATH } from "../../src/http/router.ts";
import { type TestApp, testApp } from "../support/test-app.ts";

/** What anybody may ask. A route that is public without standing here fails. */
const PUBLIC = [
  "GET /api/v1/docs",
  "GET /api/v1/health/live",
  "GET /api/v1/health/ready",
  "GET /api/v1/openapi.json",
  "GET /docs",
  "GET /health/live",
  "GET /health/ready",
  "GET /openapi.json",
];

interface Call {
  readonly method: string;
  readonly template: string;
  readonly access: string;
}

/** Every call of the table, at every place where it is served. */
function callsOf({ stowage }: TestApp): Call[] {
  return stowage.endpoints.flatMap(({ route, access, alsoAtRoot }) =>
    (alsoAtRoot ? [BASE_PATH, ""] : [BASE_PATH]).map((base) => ({
      ...{ access, method: route.method.toUpperCase(), template: base + route.path },
    })),
  );
}

function nameOf({ method, template }: Call): string {
  return `${method} ${template}`;
}

function fill(template: string, id: string): string {
  return template.replace("{id}", id).replace("{filename}", "a.txt");
}

const as = (token: string): Record<string, string> => ({ Authorization: `Bearer ${token}` });

/** An answer without what differs from one request to the next. */
async function comparable(response: Response) {
  const changing = ["x-request-id", "date"];
  const headers = [...response.headers].filter(([name]) => !changing.includes(name));
  const body = (await response.text()).replace(/"request_id":"[^"]*"/, "");
  return { status: response.status, headers, body };
}

async function refusalOf(response: Response): Promise<[number, string]> {
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const { code } = (await response.json()) as { code: string };
  return [response.status, code];
}

test("createApp() registers the routes of the table and no other", async () => {
  const app = await testApp();
  const nobody = { authenticate: async () => null };
  const { registered } = createApp(
    { ...app.stowage, authenticator: nobody },
    { logger: SILENT, random: (bytes) => bytes, maxUploadBytes: 1 },
  );
  const served = registered
    .filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
  expect([...new Set(served)].sort()).toEqual(callsOf(app).map(nameOf).sort());
  // What answers every method does so only to refuse it.
  const everything = registered.filter(({ method }) => method === "ALL");
  for (const { path } of everything) {
    const place = path.replaceAll(/:\w+/g, "some-id").replace("*", "nowhere");
    const answer = await app.send("BREW", place, { headers: as("") });
    expect([404, 405], path).toContain(answer.status);
  }
});

test("routes are public only where it was meant", async () => {
  const app = await testApp();
  const open = callsOf(app).filter(({ access }) => access === "public");
  expect(open.map(nameOf).sort()).toEqual(PUBLIC);
  for (const { method, template } of open) {
    const answer = await app.send(method, template, { headers: as("") });
    expect(answer.status, template).toBe(200);
  }
});

test("every other route answers 401 to whoever shows no token, a wrong one, or one in the query", async () => {
  const app = await testApp();
  const { id } = await app.put("mine");
  const before = await app.kept();
  const guarded = callsOf(app).filter(({ access }) => access !== "public");
  expect(guarded.length).toBeGreaterThan(9);
  for (const { method, template } of guarded) {
    for (const path of [fill(template, id), `${fill(template, id)}/`]) {
      const none = await app.send(method, path, { headers: { Authorization: "" } });
      expect(none.headers.get("www-authenticate"), `${method} ${path}`).toContain("Bearer");
      expect(await refusalOf(none)).toEqual([401, "unauthenticated"]);
      const wrong = await app.send(method, path, { headers: as("stw_wrong") });
      expect(wrong.headers.get("www-authenticate")).toContain('error="invalid_token"');
      expect(await refusalOf(wrong)).toEqual([401, "unauthenticated"]);
      const inQuery = await app.send(method, `${path}?access_token=acme`, { headers: as("") });
      expect(inQuery.status).toBe(401);
    }
  }
  expect(await app.kept()).toEqual(before);
});

test("every route answers another tenant's upload exactly as a missing one, and leaves it alone", async () => {
  const app = await testApp();
  const mine = await app.put("mine");
  const missing = mine.id.replace(/.$/, (digit) => (digit === "0" ? "1" : "0"));
  const about = callsOf(app).filter(({ template }) => template.includes("{id}"));
  expect(about.length).toBeGreaterThanOrEqual(7);
  const preconditions = {
    "If-Match": `"${mine["sha256"]}"`,
    "If-None-Match": "*",
    Range: "bytes=9-",
  };
  for (const { method, template } of about) {
    for (const also of method === "GET" ? ["GET", "HEAD"] : [method]) {
      for (const more of [{}, preconditions]) {
        const ask = async (id: string) =>
          comparable(
            await app.send(also, fill(template, id), { headers: { ...as("other"), ...more } }),
          );
        const theirs = await ask(mine.id);
        expect(theirs.status, `${also} ${template}`).toBe(404);
        expect(theirs, `${also} ${template}`).toEqual(await ask(missing));
      }
    }
  }
  expect(await (await app.send("GET", `/api/v1/upload/${mine.id}`)).json()).toEqual(mine);
  expect(await (await app.send("GET", `/api/v1/upload/${mine.id}/file`)).text()).toBe("mine");
});

test("lists tell a tenant its own uploads, whatever cursor it shows", async () => {
  const app = await testApp();
  await app.put("mine", "1.txt");
  await app.put("mine", "2.txt");
  const sent = { headers: as("other"), body: "theirs" };
  const theirs = await (await app.send("PUT", "/api/v1/upload/3.txt", sent)).json();
  const page = await (await app.send("GET", "/api/v1/upload?limit=1")).json();
  const { next_cursor } = page as { next_cursor: string };
  for (const path of ["/api/v1/upload", `/api/v1/upload?cursor=${next_cursor}`]) {
    const answer = await app.send("GET", path, { headers: as("other") });
    const { items } = (await answer.json()) as { items: unknown[] };
    for (const item of items) expect(item).toEqual(theirs);
    if (!path.includes("cursor")) expect(items).toHaveLength(1);
  }
});

test("every route answers 403 to a key without its scope, and to the other kind of key", async () => {
  const app = await testApp();
  const { id } = await app.put("mine");
  for (const { method, template, access } of callsOf(app)) {
    if (access === "public") continue;
    const wrongScopes = SCOPES.filter((scope) => scope !== access).map((scope) => `acme:${scope}`);
    for (const key of access === "operator" ? ["acme"] : [...wrongScopes, "operator"]) {
      const answer = await app.send(method, fill(template, id), { headers: as(key) });
      expect(answer.headers.get("www-authenticate")).toContain('error="insufficient_scope"');
      expect(await refusalOf(answer), `${method} ${template} ${key}`).toEqual([
        403,
        "insufficient_scope",
      ]);
    }
  }
  const health = await app.send("GET", "/api/v1/storage/health", { headers: as("operator") });
  expect(health.status).toBe(200);
});
