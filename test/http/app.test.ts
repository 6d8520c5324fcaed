import { expect, test } from "vitest";
import { StowageError } from "../../src/domain/errors.ts";
import { testApp } from "../support/test-app.ts";
import { problemOf } from "./problem-of.ts";

const UPLOAD = "/api/v1/upload";

test("every answer carries the caller's request id, or a fresh one where it sent no sane one", async () => {
  const app = await testApp();
  const { id } = await app.put("x");
  const calls = [
    ["GET", "/health/live"],
    ["GET", `${UPLOAD}/${id}`],
    ["HEAD", `${UPLOAD}/${id}/file`],
    ["GET", `${UPLOAD}/nothing`],
    ["GET", "/nowhere"],
    ["PATCH", UPLOAD],
    ["DELETE", `${UPLOAD}/${id}`],
  ] as const;
  for (const [method, path] of calls) {
    const named = await app.send(method, path, { headers: { "X-Request-Id": "Job-7.a_b" } });
    expect(named.headers.get("X-Request-Id")).toBe("Job-7.a_b");
  }
  const fresh = new Set<string | null>();
  const credentials = [`stw_${"a".repeat(16)}_${"b".repeat(43)}`, "eyJhbGciOiJub25lIn0.e30."];
  const insane = ["", "a b", "x".repeat(129), "<script>", "a,b", ...credentials];
  for (const theirs of insane) {
    const answer = await app.send("GET", "/nowhere", { headers: { "X-Request-Id": theirs } });
    const given = answer.headers.get("X-Request-Id");
    expect(given).toMatch(/^[0-9a-f]{32}$/);
    fresh.add(given);
  }
  expect(fresh.size).toBe(insane.length);
});

test("every response forbids browsers to load anything from it", async () => {
  const app = await testApp();
  for (const path of ["/health/live", UPLOAD, `${UPLOAD}/nothing`, "/nowhere", "/openapi.json"]) {
    const { headers } = await app.send("GET", path);
    expect(headers.get("X-Content-Type-Options"), path).toBe("nosniff");
    expect(headers.get("Content-Security-Policy"), path).toContain("default-src 'none'");
    expect(headers.get("Cache-Control"), path).toBe("no-store");
    expect(headers.get("Referrer-Policy"), path).toBe("no-referrer");
    expect(headers.get("Cross-Origin-Resource-Policy"), path).toBe("same-origin");
  }
});

test.each([
  "/",
  "/api",
  "/api/v1",
  `${UPLOAD}s`,
  `/API/v1/upload`,
  `//api/v1/upload`,
  `${UPLOAD}//`,
  `${UPLOAD}/a/b/c`,
  `${UPLOAD}/a;b/file/x`,
  "/%2e%2e/etc/passwd",
  "/api/v1/..%2Fupload",
])("GET %s is nowhere, with or without a token", async (path) => {
  const app = await testApp();
  for (const Authorization of ["Bearer acme", ""]) {
    const answer = await app.send("GET", path, { headers: { Authorization } });
    expect(await problemOf(answer)).toEqual({ status: 404, code: "route_not_found" });
  }
});

test.each([
  ["POST", "/health/live", "GET, HEAD, OPTIONS"],
  ["DELETE", "/api/v1/health/ready/", "GET, HEAD, OPTIONS"],
  ["DELETE", UPLOAD, "GET, HEAD, OPTIONS, POST, PUT"],
  ["PATCH", `${UPLOAD}/`, "GET, HEAD, OPTIONS, POST, PUT"],
  ["GET", `${UPLOAD}/x/reprocess`, "OPTIONS, POST"],
  ["HEAD", `${UPLOAD}/x/reprocess`, "OPTIONS, POST"],
  ["PUT", `${UPLOAD}/x/file`, "GET, HEAD, OPTIONS"],
  ["BREW", `${UPLOAD}/x/result`, "GET, HEAD, OPTIONS"],
])("%s %s is a 405 that names what is allowed", async (method, path, allow) => {
  const app = await testApp();
  const answer = await app.send(method, path);
  expect(answer.status).toBe(405);
  expect(answer.headers.get("Allow")).toBe(allow);
  if (method !== "HEAD") expect((await problemOf(answer)).code).toBe("method_not_allowed");
});

test("HEAD of any GET answers its headers without a body", async () => {
  const app = await testApp();
  const { id } = await app.put("x");
  for (const path of [
    "/health/ready",
    UPLOAD,
    `${UPLOAD}/${id}`,
    `${UPLOAD}/nothing`,
    "/openapi.json",
  ]) {
    const get = await app.send("GET", path);
    const head = await app.send("HEAD", path);
    expect([head.status, head.headers.get("Content-Type"), await head.text()]).toEqual([
      get.status,
      get.headers.get("Content-Type"),
      "",
    ]);
  }
});

test("the log has the outcome of each request by its route, and none of its content", async () => {
  const app = await testApp();
  const sent = { headers: { "X-Request-Id": "r-1" }, body: "hello-secret" };
  await app.send("PUT", `${UPLOAD}/secret-name.txt?filename=secret`, sent);
  await app.send("GET", `${UPLOAD}/secret-id/file`);
  await app.send("GET", "/secret-path");
  await app.send("POST", `${UPLOAD}/secret-id`);
  const finished = app.log.filter(({ event }) => event === "request.finished");
  const reported = finished
    .map(({ fields }) => [fields["method"], fields["route"], fields["status"], fields["tenantId"]])
    .filter(([, route]) => route !== "/openapi.json");
  expect(reported).toEqual([
    ["PUT", "/api/v1/upload/{filename}", 201, "acme"],
    ["GET", "/api/v1/upload/{id}/file", 404, "acme"],
    ["GET", null, 404, null],
    ["POST", "/api/v1/upload/:any", 405, null],
  ]);
  expect(finished[0]).toMatchObject({
    level: "info",
    fields: { requestId: "r-1", durationMs: expect.any(Number) },
  });
  const shown = app.log.filter(({ level }) => level !== "debug");
  expect(JSON.stringify(shown)).not.toContain("secret");
});

test.each([
  ["an error", new Error("Cannot read /srv/secret")],
  ["a string", "secret"],
  ["nothing", undefined],
  [
    "an error of another copy that is unknown here",
    new StowageError("novel" as "internal", "secret"),
  ],
])("whatever throws %s makes one 500, logged once", async (_, thrown) => {
  const app = await testApp({
    tamperRecords: () => ({
      async list() {
        throw thrown;
      },
    }),
  });
  const answer = await app.send("GET", UPLOAD);
  expect(answer.headers.get("X-Request-Id")).not.toBeNull();
  expect(await answer.clone().text()).not.toContain("secret");
  expect(await problemOf(answer)).toEqual({ status: 500, code: "internal" });
  const failed = app.log.filter(({ event }) => event === "request.failed");
  expect(failed).toMatchObject([{ level: "error", fields: { code: "internal", error: thrown } }]);
});

test.each([
  ["with the path of the mount", "/files/api/v1"],
  ["without it", "/api/v1"],
])("a mounted service answers requests that come %s, and its links begin with it", async (_, base) => {
  const app = await testApp({ basePath: "/files" });
  const headers = { Authorization: "Bearer acme" };
  const call = (method: string, path: string) =>
    app.stowage.fetch(
      new Request(`http://test${path}`, { method, headers, body: method === "PUT" ? "x" : null }),
    );
  const stored = await call("PUT", `${base}/upload/a%2Fb.txt/`);
  const { id, filename } = (await stored.json()) as { id: string; filename: string };
  expect(filename).toBe("b.txt");
  expect(stored.headers.get("Location")).toBe(`/files/api/v1/upload/${id}`);
  expect((await call("GET", `${base}/upload/${id}/file`)).status).toBe(200);
  expect((await call("GET", "/files/health/live")).status).toBe(200);
  expect((await call("GET", `/filesystem${base}/upload`)).status).toBe(404);
  expect((await call("GET", `/files/files${base}/upload`)).status).toBe(404);
  const document = (await (await call("GET", "/files/openapi.json")).json()) as {
    servers: unknown;
  };
  expect(document.servers).toEqual([{ url: "/files" }]);
});

test("links have no host without PUBLIC_URL, whatever the request says of its own", async () => {
  const app = await testApp({ env: { TRUST_PROXY: "1" } });
  const headers = {
    Host: "evil.example",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    Forwarded: "for=192.0.2.1;host=evil.example;proto=https",
  };
  const answer = await app.send("PUT", `${UPLOAD}/a.txt`, { headers, body: "x" });
  expect(answer.headers.get("Location")).toMatch(/^\/api\/v1\/upload\/[\w-]+$/);
  const document = await app.send("GET", "/openapi.json", { headers });
  expect(await document.text()).not.toContain("evil.example");
});

test("PUBLIC_URL is what links begin with, wherever the service is mounted", async () => {
  const app = await testApp({
    env: { PUBLIC_URL: "https://example.com/f" },
    basePath: "/files",
  });
  const stored = await app.send("PUT", `${UPLOAD}/a.txt`, { body: "x" });
  expect(stored.headers.get("Location")).toMatch(/^https:\/\/example\.com\/f\/api\/v1\/upload\//);
});

test("credentials that cannot be checked now are a 503, not a 401", async () => {
  const app = await testApp({
    authenticate: async () => {
      throw new StowageError("auth_unavailable", "Cannot fetch https://secret.example.com/jwks");
    },
  });
  const answer = await app.send("GET", UPLOAD);
  expect(answer.headers.get("Retry-After")).toBe("5");
  expect(await answer.clone().text()).not.toContain("secret");
  expect(await problemOf(answer)).toEqual({ status: 503, code: "auth_unavailable" });
});

test("no body is read before its sender is authenticated", async () => {
  let asked = 0;
  const app = await testApp({
    requestBody: () => {
      asked += 1;
      return null;
    },
  });
  for (const [method, path] of [
    ["POST", UPLOAD],
    ["PUT", `${UPLOAD}/a`],
    ["POST", `${UPLOAD}/x/reprocess`],
  ] as const) {
    const answer = await app.send(method, path, { headers: { Authorization: "" }, body: "x" });
    expect(answer.status).toBe(401);
  }
  expect(asked).toBe(0);
});
