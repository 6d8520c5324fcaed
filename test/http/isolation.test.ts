import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { hasher } from "../../src/adapters/hasher.ts";
import { SILENT } from "../../src/domain/ports/logger.ts";
import { SCOPES } from "../../src/domain/principal.ts";
import { createApp } from "../../src/http/app.ts";
import { BASE_PATH } from "../../src/http/endpoint.ts";
import { TestClock } from "../support/services.ts";
import { type TestApp, testApp } from "../support/test-app.ts";

/** What anyone may ask. A route that is public without standing here fails. */
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

/** No one's upload, in the shape of an id. */
const MISSING = "01a20ce4-05c0-7a5e-8c3b-6f1d2e4a9b70";

interface Call {
  readonly method: string;
  readonly template: string;
  readonly access: string;
}

/** Every call of the table, at every place where it is served. */
function callsOf({ stowage }: TestApp): Call[] {
  return stowage.endpoints.flatMap(({ route, access, alsoAtRoot }) =>
    (alsoAtRoot ? [BASE_PATH, ""] : [BASE_PATH]).map((base) => ({
      access,
      method: route.method.toUpperCase(),
      template: base + route.path,
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
    { logger: SILENT, hasher, clock: new TestClock(), random: (bytes) => bytes },
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

test("every other route answers 401 without a token, with a wrong one, or with one in the query", async () => {
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

/** What each route about one upload is asked with, besides nothing. A route that does not stand here fails. */
const BODIES: Readonly<Record<string, readonly Record<string, unknown>[]>> = {
  "GET /upload/{id}": [],
  "PATCH /upload/{id}": [
    { metadata: { theirs: true } },
    { expires_at: "2026-11-24T00:00:01Z" },
    { expires_at: null, metadata: null },
  ],
  "DELETE /upload/{id}": [],
  "GET /upload/{id}/file": [],
  "GET /upload/{id}/result": [],
  "GET /upload/{id}/text": [],
  "GET /upload/{id}/events": [],
  "POST /upload/{id}/reprocess": [{}, { processors: ["echo"] }, { processors: ["nobody"] }],
};

const JSON_TYPE = { "Content-Type": "application/json" };

function unlisted(endpoints: TestApp["stowage"]["endpoints"]): string[] {
  const about = endpoints.filter(({ route }) => route.path.includes("{id}"));
  const names = about.map(({ route }) => `${route.method.toUpperCase()} ${route.path}`);
  const spare = Object.keys(BODIES).filter((name) => !names.includes(name));
  return [...names.filter((name) => BODIES[name] === undefined), ...spare];
}

/** Uploads of `acme` in every state there is, by what is shown of them. */
async function uploadsOf(app: TestApp): Promise<Record<string, string>> {
  const stored = (await app.put("mine")).id;
  const be = async (status: string) => {
    const { id } = await app.put("mine");
    await app.sql("UPDATE uploads SET status = ? WHERE id = ?", status, id);
    return id;
  };
  const queued = (await app.put("mine", "a.txt", "?auto_process=true")).id;
  const external = (await app.put("mine")).id;
  await app.sql("UPDATE uploads SET external_id = 'legacy-7' WHERE id = ?", external);
  const expired = (await app.put("mine")).id;
  await app.sql("UPDATE uploads SET expires_at = 1 WHERE id = ?", expired);
  const deleted = (await app.put("mine")).id;
  await app.send("DELETE", `/api/v1/upload/${deleted}`);
  const failed = await be("failed");
  const states = ["uploading", "processing", "processed", "quarantined", "deleting"];
  const others = await Promise.all(states.map(async (status) => [status, await be(status)]));
  return {
    stored,
    queued,
    external: "legacy-7",
    expired,
    deleted,
    failed,
    ...Object.fromEntries(others),
  };
}

test("every route about one upload stands in the matrix", async () => {
  const { stowage } = await testApp();
  expect(unlisted(stowage.endpoints)).toEqual([]);
  const [first] = stowage.endpoints;
  if (first === undefined) throw new Error("There are no routes");
  const route = { ...first.route, method: "put" as const, path: "/upload/{id}/planted" };
  expect(unlisted([...stowage.endpoints, { ...first, route }])).toEqual([
    "PUT /upload/{id}/planted",
  ]);
});

test("every route answers another tenant's upload in any state exactly as a missing one, and leaves it alone", async () => {
  const app = await testApp();
  const uploads = await uploadsOf(app);
  const before = await app.kept();
  const preconditions = [
    {},
    { "If-Match": "*", "If-None-Match": "*", Range: "bytes=9-" },
    { "If-Match": `"${createHash("sha256").update("mine").digest("hex")}"`, Range: "bytes=0-1" },
  ];
  let compared = 0;
  for (const { method, template } of callsOf(app)) {
    if (!template.includes("{id}")) continue;
    const bodies = BODIES[`${method} ${template.replace(BASE_PATH, "")}`] ?? [];
    const sent = [undefined, "no JSON", ...bodies.map((body) => JSON.stringify(body))];
    for (const also of method === "GET" ? ["GET", "HEAD"] : [method]) {
      for (const body of method === "GET" ? [undefined] : sent) {
        for (const more of preconditions) {
          const ask = async (id: string) => {
            const headers = { ...as("other"), ...more, ...JSON_TYPE };
            const init = body === undefined ? { headers } : { headers, body };
            return await comparable(await app.send(also, fill(template, id), init));
          };
          const missing = await ask(MISSING);
          // What cannot be read may be refused before anyone looks for the upload.
          const isReadable = body === undefined ? method !== "PATCH" : body !== "no JSON";
          if (isReadable) expect(missing.status, `${also} ${template}`).toBe(404);
          for (const [state, id] of Object.entries(uploads)) {
            expect(await ask(id), `${also} ${template} ${state}`).toEqual(missing);
            compared += 1;
          }
        }
      }
    }
  }
  expect(compared).toBeGreaterThan(400);
  expect(await app.kept()).toEqual(before);
  for (const state of ["stored", "external"]) {
    const file = await app.send("GET", `/api/v1/upload/${uploads[state]}/file`);
    expect(await file.text(), state).toBe("mine");
  }
});

test("every route answers its own tenant's deleted upload exactly as a missing one", async () => {
  const app = await testApp();
  const { deleted = "", deleting = "", expired = "" } = await uploadsOf(app);
  for (const { method, template } of callsOf(app)) {
    if (!template.includes("{id}")) continue;
    const init = method === "PATCH" ? { headers: JSON_TYPE, body: "{}" } : {};
    const ask = async (id: string) => comparable(await app.send(method, fill(template, id), init));
    const missing = await ask(MISSING);
    expect(missing.status).toBe(404);
    for (const id of [deleted, deleting, expired]) {
      expect(await ask(id), `${method} ${template}`).toEqual(missing);
    }
  }
});

test("lists show a tenant only its own uploads, whatever cursor or filter it sends", async () => {
  const app = await testApp();
  await uploadsOf(app);
  const sent = { headers: as("other"), body: "theirs" };
  const theirs = await (await app.send("PUT", "/api/v1/upload/3.txt", sent)).json();
  const page = await (await app.send("GET", "/api/v1/upload?limit=1")).json();
  const { next_cursor } = page as { next_cursor: string };
  const statuses = ["uploading", "stored", "queued", "processing", "processed", "failed"];
  const queries = [
    ...["", "?limit=200", `?cursor=${next_cursor}`, "?filename_prefix=a", "?status=quarantined"],
    ...statuses.map((status) => `?status=${status}`),
    "?created_after=2000-01-01T00:00:00Z&created_before=2100-01-01T00:00:00Z",
  ];
  for (const query of queries) {
    const answer = await app.send("GET", `/api/v1/upload${query}`, { headers: as("other") });
    const { items = [] } = (await answer.json()) as { items?: unknown[] };
    for (const item of items) expect(item, query).toEqual(theirs);
    if (query === "") expect(items).toHaveLength(1);
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
